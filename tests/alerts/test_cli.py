"""`mostrador alerts`: what is open, once and as it comes and goes."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert

from backend.cli import errors
from backend.cli.alerts import Change, _watch
from backend.database import tables
from backend.database.engine import Database, open_database
from backend.main import mostrador
from tests.eventually import eventually
from tests.ledger.shop import cancel, open_shop, receive, reserve, running_ledger

_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


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


def marking(url: str, *words: str) -> Result:
    return CliRunner().invoke(mostrador, ["mark-alert", *words, "--as", "luis", "--database-url", url])


def test_an_alert_is_marked_in_somebodys_name(url: str) -> None:
    async def hire() -> None:
        db = open_database(url)
        user = {"name": "luis", "display_name": "Luis", "role": "supervisor", "pin_hash": "", "created_at": _BEGAN}
        async with db.writer.begin() as connection:
            await connection.execute(insert(tables.users), user)
            await connection.execute(insert(tables.user_stores), {"user_name": "luis", "store_id": "292"})
        await db.close()

    asyncio.run(hire())
    tea = ("292", "hold_hoarding", "tea")
    assert marking(url, *tea, "--note", "a party").output == "The alert hold_hoarding about tea is acknowledged.\n"
    (alert,) = json.loads(said(url, "--json"))
    assert (alert["mark"]["status"], alert["mark"]["by"], alert["mark"]["note"]) == ("acknowledged", "luis", "a party")
    for words, status in ((["--snooze", "2"], "snoozed"), (["--assign", "ana"], "assigned")):
        assert json.loads(marking(url, *tea, *words, "--json").output)["status"] == status
    assert marking(url, *tea, "--reopen").exit_code == 0
    assert json.loads(said(url, "--json"))[0]["mark"] is None
    assert marking(url, *tea, "--reopen", "--assign", "ana").exit_code == 2


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
