"""Backups of a database that is sold from at that moment, restored and proved."""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import click.testing
import pytest
from sqlalchemy import make_url

from backend.cli.backup import backup, copy_sqlite
from backend.database.engine import Database, check_schema, open_database
from backend.ledger.lanes import Ledger
from backend.model.errors import InvalidInput
from backend.proof.books import prove
from tests.eventually import eventually
from tests.ledger.shop import counters, open_shop, receive, running_ledger, sell
from tests.servers import HOST, PostgresServer


async def selling(ledger: Ledger, done: asyncio.Event) -> int:
    """Sell tea, one at a time, until `done` is set; answers how many were sold."""
    units = 0
    while not done.is_set():
        assert (await ledger.submit(sell(tea=1))).accepted
        units += 1
    return units


async def sold(database: Database, units: int) -> bool:
    return (await counters(database, "tea"))[2] > units


async def while_selling(database: Database, copy: Callable[[], Awaitable[None]]) -> int:
    """Copy the database while it sells; answers the version that tea had when the copying began."""
    await open_shop(database)
    done = asyncio.Event()
    async with running_ledger(database) as ledger:
        assert (await ledger.submit(receive(tea=1_000_000))).accepted
        sale = asyncio.create_task(selling(ledger, done))
        await eventually(lambda: sold(database, 10))
        before = (await counters(database, "tea"))[2]
        await copy()
        done.set()
        assert await sale >= before - 1
    return before


async def proved_copy(url: str, at_least: int) -> None:
    """The copy is whole, has what was acknowledged before it began, and can be sold from."""
    copy = open_database(url)
    await check_schema(copy)
    assert (await prove(copy)).drifts == ()
    assert (await counters(copy, "tea"))[2] >= at_least
    async with running_ledger(copy) as ledger:
        assert (await ledger.submit(receive(tea=1))).accepted
    assert (await prove(copy)).drifts == ()
    await copy.close()


async def test_a_sqlite_shop_is_copied_while_it_sells(sqlite_url: str, tmp_path: Path) -> None:
    database = open_database(sqlite_url)
    target = tmp_path / "copy.db"
    before = await while_selling(database, lambda: asyncio.to_thread(copy_sqlite, tmp_path / "mostrador.db", target))
    await proved_copy(f"sqlite:///{target}", before)
    await database.close()


async def test_a_postgresql_database_is_dumped_while_it_sells(
    postgres: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    database = open_database(postgres_url)
    name, dump = make_url(postgres_url).database or "", tmp_path / "shop.dump"
    before = await while_selling(
        database, lambda: asyncio.to_thread(tool, postgres, "pg_dump", "--format=custom", f"--file={dump}", name)
    )
    restored = postgres.create_database("template0")
    await asyncio.to_thread(tool, postgres, "pg_restore", "--exit-on-error", f"--dbname={restored}", str(dump))
    await proved_copy(postgres.url(restored), before)
    await database.close()
    postgres.drop_database(restored)


def tool(postgres: PostgresServer, name: str, *arguments: str) -> None:
    where = [f"--host={HOST}", f"--port={postgres.port}", "--username=postgres"]
    subprocess.run([postgres.programs / name, *where, *arguments], check=True, capture_output=True, timeout=60)


def test_only_a_new_file_is_written(sqlite_url: str, tmp_path: Path) -> None:
    taken = tmp_path / "taken.db"
    taken.write_text("mine")
    with pytest.raises(InvalidInput, match="exists"):
        run(str(taken), "--database-url", sqlite_url)
    assert taken.read_text() == "mine"


def test_a_copy_says_how_large_it_is(sqlite_url: str, tmp_path: Path) -> None:
    assert "bytes, durable" in run(str(tmp_path / "copy.db"), "--database-url", sqlite_url)


def run(*arguments: str) -> str:
    return click.testing.CliRunner().invoke(backup, arguments, catch_exceptions=False, standalone_mode=False).output
