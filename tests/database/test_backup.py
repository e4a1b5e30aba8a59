"""Backups of a database that is sold from at that moment, restored and proved."""

import asyncio
import json
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import click.testing
import pytest
from sqlalchemy import make_url, text, update

from backend.cli.backup import BackupNotProved, backup, copy_sqlite
from backend.cli.errors import run as cli_run
from backend.database import tables
from backend.database.engine import Database, check_schema, open_database
from backend.database.errors import DatabaseDamaged
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


async def while_selling(database: Database, copy: Callable[[], Awaitable[object]]) -> int:
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


async def test_a_damaged_database_is_not_copied_and_the_older_backup_stays(sqlite_url: str, tmp_path: Path) -> None:
    source, older = tmp_path / "mostrador.db", tmp_path / "older.db"
    await asyncio.to_thread(copy_sqlite, source, older)
    damage(source)
    was = older.read_bytes()
    with pytest.raises(DatabaseDamaged, match="keep your older backups"):
        await asyncio.to_thread(copy_sqlite, source, tmp_path / "newer.db")
    assert older.read_bytes() == was
    assert not [name for name in names(tmp_path) if name.startswith("newer")]


async def test_numbers_that_have_drifted_are_not_copied(sqlite_url: str, tmp_path: Path) -> None:
    database = open_database(sqlite_url)
    await open_shop(database)
    async with running_ledger(database) as ledger:
        assert (await ledger.submit(receive(tea=5))).accepted
    async with database.writer.begin() as connection:
        await connection.execute(update(tables.stock).values(on_hand=6))
    await database.close()
    with pytest.raises(BackupNotProved, match="292 tea"):
        await asyncio.to_thread(copy_sqlite, tmp_path / "mostrador.db", tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_a_backup_that_fails_has_the_exit_code_1(
    sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(tmp_path / "mostrador.db")
    arguments = ["backup", str(tmp_path / "copy.db"), "--database-url", sqlite_url, "--json"]
    assert cli_run(click.Group(commands=[backup]), arguments) == 1
    assert json.loads(capsys.readouterr().err)["code"] == "database_damaged"


async def test_a_shop_of_another_version_is_copied_and_said_not_to_be_proved(sqlite_url: str, tmp_path: Path) -> None:
    database = open_database(sqlite_url)
    async with database.writer.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '0014'"))
    await database.close()
    assert await asyncio.to_thread(copy_sqlite, tmp_path / "mostrador.db", tmp_path / "copy.db") is False


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def damage(path: Path) -> None:
    """Overwrite every second page after the first; what is in the write-ahead log goes first."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        for page in range(1, path.stat().st_size // 4096, 2):
            file.seek(page * 4096)
            file.write(b"\xa5" * 4096)


def run(*arguments: str) -> str:
    return click.testing.CliRunner().invoke(backup, arguments, catch_exceptions=False, standalone_mode=False).output
