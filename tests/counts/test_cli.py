"""`mostrador receive`, `count`, `shrinkage`: from a supplier's file to the loss that a count finds."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from backend.cli import errors
from backend.database.engine import open_database
from backend.main import mostrador
from backend.proof.books import prove
from tests.ledger.shop import open_shop


@pytest.fixture
def url(database_url: str) -> str:
    """The URL of a database with the ledger tests' shop; nothing is in stock."""

    async def furnish() -> None:
        db = open_database(database_url)
        try:
            await open_shop(db)
        finally:
            await db.close()

    asyncio.run(furnish())
    return database_url


def said(url: str, *words: str, code: int = 0) -> Any:
    result = CliRunner().invoke(mostrador, [*words, "--database-url", url, "--json"], standalone_mode=False)
    assert result.exception is None, result.output
    assert (result.return_value or 0) == code
    return json.loads(result.stdout)


async def proved(url: str) -> None:
    db = open_database(url)
    try:
        assert (await prove(db)).drifts == ()
    finally:
        await db.close()


NOTICE = ["--store", "292", "--supplier", "Gil", "--reference", "P-1"]


def test_from_a_notice_to_the_loss_that_a_count_finds(url: str, tmp_path: Path) -> None:
    file = tmp_path / "notice.csv"
    file.write_text("code,quantity,cost\ntea,10,0.80\njam,4,\n", encoding="utf-8")
    checked = said(url, "receive", "import", str(file), *NOTICE, "--dry-run")
    assert (checked["purchases"], checked["lines"], checked["units"]) == ([], 2, 14)
    (made,) = said(url, "receive", "import", str(file), *NOTICE)["purchases"]
    assert [(x["product_id"], x["expected"], x["unit_cost"]) for x in made["lines"]] == [
        ("tea", 10, 0.8),
        ("jam", 4, None),
    ]
    again = said(url, "receive", "import", str(file), *NOTICE)
    assert (again["again"], [x["id"] for x in again["purchases"]]) == (True, [made["id"]])
    part = said(url, "receive", "take", made["id"], "--good", "tea=10", "--good", "9999=2", "--damaged", "jam=1")
    assert (part["status"], part["unknown"][0]["code"]) == ("partly_received", "9999")
    assert [one["id"] for one in said(url, "receive", "list", "--store", "292")] == [made["id"]]
    assert said(url, "receive", "end", made["id"])["status"] == "closed"
    assert said(url, "receive", "show", made["id"])["lines"][1]["short"] == 3
    blind = said(url, "receive", "blind", "--store", "292", "--supplier", "Gil", "--good", "milk=6")
    assert blind["purchase_id"] is None

    count = said(url, "count", "open", "--store", "292")
    assert count["uncounted"] == ["jam", "milk", "tea"]
    seen = said(url, "count", "scan", count["id"], "--seen", "tea=8", "--seen", "jam=1", "--none", "milk")
    assert [line["variance"] for line in seen["lines"]] == [0, -6, -2]
    posted = said(url, "count", "post", count["id"])
    assert (posted["status"], [line["why"] for line in posted["lines"]]) == ("recount", [None, "tolerance", None])
    said(url, "count", "scan", count["id"], "--seen", "milk=2", "--how", "recount")
    assert said(url, "count", "post", count["id"])["status"] == "posted"
    assert [one["status"] for one in said(url, "count", "list", "--store", "292")] == ["posted"]
    rows = said(url, "shrinkage", "--store", "292")
    assert [(row["group"], row["missing"], row["net_cents"]) for row in rows] == [
        ("milk", 4, -400),
        ("tea", 2, -200),
    ]
    other = said(url, "count", "open", "--store", "292", "--product", "tea")
    assert said(url, "count", "cancel", other["id"], "--reason", "nobody has time")["status"] == "cancelled"
    assert said(url, "count", "show", other["id"])["scope"] == "cycle"
    asyncio.run(proved(url))


def test_a_file_with_wrong_lines_opens_nothing_and_names_each(url: str, tmp_path: Path) -> None:
    file = tmp_path / "notice.csv"
    wrong = ["gold,1,", "jam,none,", ",2,", "jam,2,cheap", "tea,1,0.90", "jam,1,2,3"]
    file.write_text("\n".join(["code,quantity,cost", "tea,10,0.80", *wrong]), encoding="utf-8")
    found = said(url, "receive", "import", str(file), *NOTICE, code=1)
    assert [error["line"] for error in found["errors"]] == [3, 4, 5, 6, 7, 8]
    assert "gold is not in the catalogue" in found["errors"][0]["message"]
    assert said(url, "receive", "list", "--store", "292") == []


@pytest.mark.parametrize(
    ("words", "sentence", "code"),
    [
        (["count", "open", "--store", "999"], "There is no store 999", errors.FAILED),
        (["count", "open", "--store", "292", "--product", "gold"], "There is no product gold", errors.FAILED),
        (["count", "show", "019a9f3e-0000-7000-8000-000000000000"], "There is no count", errors.FAILED),
        (["receive", "show", "019a9f3e-0000-7000-8000-000000000000"], "There is no purchase", errors.FAILED),
        (["receive", "list", "--store", "999"], "There is no store 999", errors.FAILED),
        (["shrinkage", "--store", "999"], "There is no store 999", errors.FAILED),
        (["receive", "blind", "--store", "292", "--supplier", "x", "--good", "tea"], "CODE=PIECES", errors.WRONG_INPUT),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    url: str, words: list[str], sentence: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert errors.run(mostrador, [*words, "--database-url", url]) == code
    error = capsys.readouterr().err
    assert sentence in error
    assert len(error.splitlines()) == 1
