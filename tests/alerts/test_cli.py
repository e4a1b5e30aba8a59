"""`mostrador alerts`: what is open, once and as it comes and goes."""

import asyncio
import json

import pytest
from click.testing import CliRunner

from backend.cli import errors
from backend.cli.alerts import Change, _watch
from backend.database.engine import Database, open_database
from backend.main import mostrador
from tests.eventually import eventually
from tests.ledger.shop import cancel, open_shop, receive, reserve, running_ledger


@pytest.fixture
def url(database_url: str) -> str:
    """Ana holds sixty packets of tea in store 292."""

    async def furnish() -> None:
        db = open_database(database_url)
        try:
            await open_shop(db)
            async with running_ledger(db) as ledger:
                await ledger.submit_many([receive(tea=80), reserve(tea=60)])
        finally:
            await db.close()

    asyncio.run(furnish())
    return database_url


def said(url: str, *words: str) -> str:
    result = CliRunner().invoke(mostrador, ["alerts", *words, "--database-url", url])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_what_is_open_in_all_stores_or_in_one(url: str) -> None:
    (alert,) = json.loads(said(url, "--json"))
    assert (alert["store_id"], alert["rule"], alert["value"]) == ("292", "hold_hoarding", 60)
    assert "ana at T1 holds 60 units of tea." in said(url, "--store", "292")
    assert said(url, "--store", "304") == "Nothing is open.\n"


def test_an_unknown_store_is_one_sentence(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert errors.run(mostrador, ["alerts", "--store", "999", "--database-url", url]) == errors.FAILED
    assert "There is no store 999" in capsys.readouterr().err


async def test_the_watch_tells_what_is_new_and_what_is_over(database: Database) -> None:
    await open_shop(database)
    seen: list[Change] = []
    watching = asyncio.create_task(_watch(database.url, "292", 0.01, seen.append))
    try:
        async with running_ledger(database) as ledger:
            await ledger.submit(receive(tea=80))
            hold = await ledger.submit(reserve(tea=60))
            await eventually(lambda: len(seen) == 1)
            await ledger.submit(cancel(hold.id))
            await eventually(lambda: len(seen) == 2)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert [(one.change, one.alert.rule, one.alert.subject) for one in seen] == [
        ("opened", "hold_hoarding", "tea"),
        ("over", "hold_hoarding", "tea"),
    ]
