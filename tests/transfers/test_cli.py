"""`mostrador transfer …`: every step from a terminal of the operator's, on both databases."""

import asyncio
import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from backend.cli import errors
from backend.database.engine import open_database
from backend.main import mostrador
from backend.proof.books import prove
from tests.ledger.shop import open_shop, receive, running_ledger


@pytest.fixture
def url(database_url: str) -> str:
    """The URL of a database with the ledger tests' shop, and ten packets of tea in store 292."""

    async def furnish() -> None:
        db = open_database(database_url)
        try:
            await open_shop(db)
            async with running_ledger(db) as ledger:
                await ledger.submit(receive(tea=10))
        finally:
            await db.close()

    asyncio.run(furnish())
    return database_url


def run(url: str, *words: str) -> Result:
    result = CliRunner().invoke(mostrador, ["transfer", *words, "--database-url", url])
    assert result.exit_code == 0, result.output
    return result


def said(url: str, *words: str) -> Any:
    return json.loads(run(url, *words, "--json").stdout)


def test_from_opening_to_a_settled_case(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = said(url, "open", "--from", "292", "--to", "304", "--line", "tea=6", "--note", "for Friday")
    assert (made["status"], made["steps"][0]["actor"]) == ("draft", "system:cli")
    id_ = made["id"]
    assert said(url, "pack", id_, "--line", "tea=5")["lines"][0]["packed"] == 5
    assert said(url, "ship", id_, "--reference", "A-17")["status"] == "in_transit"
    assert [one["id"] for one in said(url, "list", "--store", "304", "--direction", "in")] == [id_]
    assert said(url, "list", "--store", "304", "--direction", "out") == []
    receipt = said(url, "receive", id_, "--good", "tea=2", "--damaged", "tea=1")
    assert receipt["status"] == "partly_received"
    assert errors.run(mostrador, ["transfer", "cancel", id_, "--reason", "x", "--database-url", url]) == errors.FAILED
    assert "in_flight" in capsys.readouterr().err
    (case,) = said(url, "close", id_, "--reason", "the van is empty")["discrepancies"]
    assert [one["id"] for one in said(url, "cases", "--store", "292")] == [case["id"]]
    assert said(url, "assign", case["id"], "luis")[0]["owner"] == "luis"
    found = said(url, "settle", case["id"], "--outcome", "found", "--line", "tea=1", "--reason", "in the yard")
    assert found[0]["lines"][0]["open"] == 1
    assert said(url, "settle", case["id"], "--outcome", "lost", "--reason", "nowhere")[0]["status"] == "settled"
    assert [one["id"] for one in said(url, "cases", "--store", "304", "--settled")] == [case["id"]]
    line = said(url, "show", id_)["lines"][0]
    assert (line["sent"], line["received"], line["damaged"], line["lost"]) == (5, 3, 1, 1)
    asyncio.run(proved(url))


async def proved(url: str) -> None:
    db = open_database(url)
    try:
        assert (await prove(db)).drifts == ()
    finally:
        await db.close()


def test_a_request_that_is_cancelled_reads_well(url: str) -> None:
    made = said(url, "open", "--from", "292", "--to", "304", "--line", "tea=6", "--request", "--reference", "W-3")
    assert made["status"] == "requested"
    shown = run(url, "cancel", made["id"], "--reason", "not needed").stdout
    assert f"Transfer {made['id']} from 292 to 304: cancelled, reference W-3" in shown
    assert "transfer_cancel" in shown
    assert "not needed" in shown
    assert made["id"] in run(url, "list", "--store", "292", "--status", "cancelled").stdout


@pytest.mark.parametrize(
    ("words", "sentence", "code"),
    [
        (["open", "--from", "292", "--to", "304", "--line", "gold=1"], "There is no product gold", errors.FAILED),
        (["open", "--from", "292", "--to", "304", "--line", "tea"], "SKU=UNITS", errors.WRONG_INPUT),
        (["open", "--from", "292", "--to", "304", "--line", "tea=0"], "SKU=UNITS", errors.WRONG_INPUT),
        (["list", "--store", "999"], "There is no store 999", errors.FAILED),
        (["show", "019a9f3e-0000-7000-8000-000000000000"], "There is no transfer", errors.FAILED),
        (["show", "nonsense"], "UUID", errors.WRONG_INPUT),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    url: str, words: list[str], sentence: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert errors.run(mostrador, ["transfer", *words, "--database-url", url]) == code
    error = capsys.readouterr().err
    assert sentence in error
    assert len(error.splitlines()) == 1
