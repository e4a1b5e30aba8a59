"""`mostrador allotments`: listed, reclaimed in a person's name, and the policies; `explain` names who keeps what."""

from uuid import UUID

import pytest

from backend.database.engine import open_database
from tests.cli.test_correcting import Tool, shop, tool
from tests.ledger.shop import running_ledger

from .shelf import LUIS, allot

__all__ = ["shop", "tool"]


@pytest.fixture
async def mine(tool: Tool) -> UUID:
    """Three units of tea that T1 keeps, beside two of T2."""
    database = open_database(tool.url)
    try:
        async with running_ledger(database) as ledger:
            await ledger.submit(allot(2, who=LUIS))
            return (await ledger.submit(allot(3))).id
    finally:
        await database.close()


def test_who_keeps_what_and_how_it_is_taken_back(tool: Tool, mine: UUID) -> None:
    (one,) = tool.json("allotments", "list", "292", "--terminal", "T1")
    assert (one["id"], one["quantity"], one["overdue"], one["sku"]) == (str(mine), 3, False, "tea")
    assert len(tool.json("allotments", "list", "292", "--product", "tea")) == 2
    assert tool.json("allotments", "list", "292", "--overdue") == []
    assert "Terminal T1 keeps 3 units for outages, until" in tool.run("explain", "292", "tea")[1]
    assert tool.run("allotments", "list", "304")[1] == "No terminal of store 304 keeps any such units.\n"

    reclaim = ("allotments", "reclaim", str(mine), "--reason", "till is broken", "--as")
    code, _, error = tool.run(*reclaim, "ana")
    assert (code, "allotments:reclaim" in error) == (1, True)
    code, out, _ = tool.run(*reclaim, "luis")
    assert (code, out) == (0, "3 units of tea of terminal T1 are free again.\n")
    code, _, error = tool.run(*reclaim, "luis")
    assert (code, "This allotment has already ended" in error) == (1, True)
    assert tool.run("verify")[0] == 0


def test_policies_are_shown_set_and_taken_away(tool: Tool) -> None:
    policy = ("allotments", "policy", "292")
    assert "Store 292 has no policy of its own: a terminal keeps at most 20 units" in tool.run(*policy)[1]
    (whole,) = tool.json(*policy, "--units", "5", "--as", "luis")
    assert whole == {"product_id": "*", "units": 5, "minutes": 60, "beyond": "supervisor"}
    found = tool.json(*policy, "tea", "--minutes", "90", "--beyond", "block", "--as", "luis")
    assert found[1] == {"product_id": "tea", "units": 5, "minutes": 90, "beyond": "block"}
    assert [one["product_id"] for one in tool.json(*policy, "--off", "--as", "luis")] == ["tea"]
    for words, sentence in (
        (("--units", "5"), "add --as NAME"),
        (("--off", "--units", "5", "--as", "luis"), "--off takes the policy away"),
        (("--units", "5", "--as", "ana"), "stock:write"),
        (("wine", "--units", "5", "--as", "luis"), "There is no product wine"),
    ):
        code, _, error = tool.run(*policy, *words)
        assert (code != 0, sentence in error) == (True, True), error
