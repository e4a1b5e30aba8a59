"""The tools that move stock by hand: in a person's name, with that person's rights, on both databases."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import to_builtins
from sqlalchemy import insert

from backend.cli.errors import run
from backend.database import tables
from backend.database.engine import Database
from backend.ids import new_id
from backend.main import mostrador
from backend.model.books import Request
from backend.model.stock import Who
from backend.model.verbs.adjust import Adjust
from backend.model.verbs.approval_request import ApprovalRequest
from tests.ledger.shop import open_shop, receive, running_ledger


@pytest.fixture
async def shop(database: Database) -> Database:
    """Two stores with ten of tea in one, ana the clerk, luis the supervisor and root the admin."""
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=10))
    now = datetime.now(UTC)
    people = {"ana": "clerk", "luis": "supervisor", "root": "admin"}
    async with database.writer.begin() as connection:
        rows = [
            {"name": name, "display_name": name, "role": role, "pin_hash": "", "created_at": now}
            for name, role in people.items()
        ]
        await connection.execute(insert(tables.users), rows)
        places = [{"user_name": name, "store_id": "292"} for name in ("ana", "luis")]
        await connection.execute(insert(tables.user_stores), places)
    return database


class Tool:
    """Runs commands on the shop's database."""

    def __init__(self, database: Database, capsys: pytest.CaptureFixture[str]) -> None:
        self.url, self._capsys = database.url, capsys

    def json(self, *words: str) -> Any:
        """What a command that must succeed prints with --json."""
        code, out, err = self.run(words[0], *words[1:], "--json")
        assert code == 0, err
        return json.loads(out)

    def run(self, *words: str) -> tuple[int, str, str]:
        """The exit code, standard output and standard error."""
        options = ["--database-url", self.url]
        at = words.index("--") if "--" in words else len(words)
        # Options go before the --, behind which everything is an argument.
        extra = [word for word in words[at:] if word == "--json"]
        rest = [word for word in words[at:] if word != "--json"]
        code = run(mostrador, [*words[:at], *extra, *options, *rest])
        out, err = self._capsys.readouterr()
        return code, out, err


@pytest.fixture
def tool(shop: Database, capsys: pytest.CaptureFixture[str]) -> Tool:
    return Tool(shop, capsys)


def test_units_are_corrected_and_go_into_quarantine_and_out(tool: Tool) -> None:
    answer = tool.json(
        "adjust", "--as", "luis", "--reason", "torn", "--reason-code", "damage", "--", "292", "tea", "-1"
    )
    assert answer["stock"][0]["on_hand"] == 9
    tool.json("quarantine", "292", "tea=4", "--reason-code", "recall", "--as", "luis")
    tool.json("release", "292", "tea=1", "--as", "luis")
    off = ("write-off", "292", "tea=3", "--reason-code", "recall", "--source", "unavailable", "--as", "luis")
    code, out, _ = tool.run(*off)
    assert (code, out) == (
        0,
        "store 292, product tea: 6 on hand, 0 unavailable, 0 allocated, 0 reserved, 6 available\n",
    )
    assert tool.run("verify")[0] == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("release", "292", "tea=1", "--as", "luis"), "Only 0 of 1 units of tea are in quarantine."),
        (("release", "292", "tea=1", "--as", "ana"), "A clerk may not do this; it needs the right stock:write."),
        (("release", "304", "tea=1", "--as", "luis"), "You may not act in store 304"),
        (("release", "292", "tea=1", "--as", "eva"), "There is nobody called eva"),
        (("release", "292", "tea", "--as", "luis"), "tea is not PRODUCT=UNITS"),
        (("release", "292", "tea=0", "--as", "luis"), "This is not possible"),
        (("write-off", "292", "tea=1", "--reason-code", "found", "--as", "luis"), "found is no reason for this"),
    ],
)
def test_what_is_not_possible_is_one_sentence(tool: Tool, words: tuple[str, ...], sentence: str) -> None:
    code, _, err = tool.run(*words)
    assert code != 0
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_orders_are_opened_handed_over_and_cancelled(tool: Tool) -> None:
    (order,) = tool.json("orders", "open", "292", "tea=4", "--customer", "C7", "--as", "ana")
    (part,) = tool.json("orders", "fulfil", order["id"], "tea=1", "--as", "ana")
    assert part["status"] == "part_fulfilled"
    assert [one["id"] for one in tool.json("orders", "list", "292")] == [order["id"]]
    assert "tea 1/4" in tool.run("orders", "list", "292")[1]
    (over,) = tool.json("orders", "cancel", order["id"], "--reason", "no need", "--as", "ana")
    assert over["status"] == "cancelled"
    assert tool.run("orders", "list", "292")[1] == "There are none.\n"
    assert tool.run("verify")[0] == 0


def test_limits_are_set_by_an_admin(tool: Tool) -> None:
    assert tool.run("approvals", "limits", "292")[1] == "Nothing waits for approval in store 292.\n"
    code, _, err = tool.run("approvals", "limits", "292", "--units", "5", "--as", "luis")
    assert (code != 0, "stores:write" in err) == (True, True)
    told = tool.run("approvals", "limits", "292", "--units", "5", "--value-cents", "900", "--as", "root")[1]
    assert told == "In store 292 what is above 5 units or 9.00 in value waits for approval.\n"
    assert tool.json("approvals", "limits", "292") == {"store_id": "292", "units": 5, "value_cents": 900}
    assert tool.json("approvals", "limits", "292", "--off", "--as", "root")["units"] is None
    assert tool.run("approvals", "list", "292")[1] == "There are none.\n"


@pytest.fixture
async def asked(shop: Database) -> str:
    """The id of an approval that ana asked for: three of tea are gone."""
    inner = Adjust(id=new_id(), store_id="292", product_id="tea", adjustment=-3, reason="torn")
    asking = ApprovalRequest(
        id=inner.id, store_id="292", command=to_builtins(inner), reason="see photo", price_cents={"tea": 100}
    )
    async with running_ledger(shop) as ledger:
        answer = await ledger.submit(Request(asking, Who("ana", "T1")))
    assert answer.accepted, answer.refusal
    return str(inner.id)


def test_what_waits_is_listed_and_granted(tool: Tool, asked: str) -> None:
    shown = tool.run("approvals", "list", "292")[1]
    assert shown == f"{asked} requested: adjust of 3 units worth 3.00, asked by ana: see photo\n"
    assert "approvals:write" in tool.run("approvals", "grant", asked, "--as", "ana")[2]
    (granted,) = tool.json("approvals", "grant", asked, "--as", "luis")
    assert (granted["status"], granted["decided_by"]) == ("granted", "luis")
    code, _, err = tool.run("approvals", "refuse", asked, "--reason", "late", "--as", "root")
    assert (code != 0, "granted" in err) == (True, True)
    assert tool.run("verify")[0] == 0


def test_what_waits_is_refused_with_a_reason(tool: Tool, asked: str) -> None:
    (refused,) = tool.json("approvals", "refuse", asked, "--reason", "count again", "--as", "luis")
    assert (refused["status"], refused["note"]) == ("refused", "count again")
