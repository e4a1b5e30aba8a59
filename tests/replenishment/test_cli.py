"""`mostrador replenish`: what a store should order, and ordering it, from the operator's terminal."""

import asyncio
import json
from typing import Any

import pytest
from click.testing import CliRunner

from backend.cli import errors
from backend.database.engine import open_database
from backend.ids import new_id
from backend.main import mostrador
from backend.model.verbs.set_stock import LevelChanges, SetStock
from tests.ledger.shop import open_shop, receive, request, running_ledger


@pytest.fixture
def url(database_url: str) -> str:
    """Store 292 wants ten packets of tea and has none, store 304 can spare seven of them."""

    async def furnish() -> None:
        db = open_database(database_url)
        try:
            await open_shop(db)
            async with running_ledger(db) as ledger:
                await ledger.submit(receive("304", tea=7))
                levels = LevelChanges(reorder_point=5, max_level=10)
                await ledger.submit(request(SetStock(id=new_id(), store_id="292", product_id="tea", levels=levels)))
        finally:
            await db.close()

    asyncio.run(furnish())
    return database_url


def said(url: str, *words: str) -> str:
    result = CliRunner().invoke(mostrador, ["replenish", "--store", "292", *words, "--database-url", url])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_it_is_shown_ordered_and_then_needed_no_more(url: str) -> None:
    shown: dict[str, Any] = json.loads(said(url, "--json"))
    assert [(one["kind"], one["quantity"]) for one in shown["suggestions"]] == [("transfer", 7), ("purchase", 3)]
    assert shown["documents"] == []
    assert "Position 0 = 0 available" in said(url)
    ordered = said(url, "--accept")
    assert "Opened transfer " in ordered
    assert "Opened proposal " in ordered
    assert "Store 292 needs nothing." in said(url, "--accept")


def test_an_unknown_store_is_one_sentence(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["replenish", "--store", "999", "--database-url", url]
    assert errors.run(mostrador, words) == errors.FAILED
    assert "There is no store 999" in capsys.readouterr().err
