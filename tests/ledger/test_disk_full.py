"""A full disk and a damaged file are told of at once, as what they are, and a full disk is recovered from."""

import sqlite3
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import URL

from backend.database.engine import open_database
from backend.database.errors import DatabaseDamaged, DiskFull
from backend.ledger.lanes import Ledger
from backend.ledger.postgres import _translated
from backend.model.books import Request
from backend.proof.books import prove
from tests.small_disk import SmallDisk

from .shop import open_shop, receive, running_ledger, sell


async def until_it_fails(ledger: Ledger, one: Request) -> DiskFull:
    """What the ledger says when the room that is there already has been used up."""
    for _ in range(1000):
        try:
            await ledger.submit(one)
        except DiskFull as full:
            return full
        one = receive(tea=1)
    raise AssertionError("it never failed")


async def test_a_full_disk_is_said_at_once_and_recovered_from(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.ledger.lanes.PATIENCE_SECONDS", 3600.0)
    disk = SmallDisk(monkeypatch)
    database = open_database(sqlite_url)
    await open_shop(database)
    async with running_ledger(database) as ledger:
        assert (await ledger.submit(receive(tea=5))).accepted
        disk.full = True
        full = await until_it_fails(ledger, receive(tea=1))
        assert full.retryable
        assert "free space" in full.message
        order = sell(tea=1)
        with pytest.raises(DiskFull):
            await ledger.submit(order)
        assert isinstance(database.state.wrong(), DiskFull)
        disk.full = False
        assert (await ledger.submit(order)).accepted
    assert (await prove(database)).drifts == ()
    await database.close()


async def test_a_damaged_file_is_said_to_be_damaged_and_refuses_no_sale(sqlite_url: str, tmp_path: Path) -> None:
    database = open_database(sqlite_url)
    await open_shop(database)
    async with running_ledger(database) as ledger:
        assert (await ledger.submit(receive(tea=5))).accepted
    await database.close()
    with closing(sqlite3.connect(tmp_path / "mostrador.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'stock'").fetchone()
    with (tmp_path / "mostrador.db").open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xa5" * 4096)
    database = open_database(sqlite_url)
    async with running_ledger(database) as ledger:
        with pytest.raises(DatabaseDamaged):
            await ledger.submit(sell(tea=1))
    assert isinstance(database.state.wrong(), DatabaseDamaged)
    await database.close()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (asyncpg.DiskFullError("could not extend file"), DiskFull),
        (asyncpg.DataCorruptedError("invalid page"), DatabaseDamaged),
        (asyncpg.IndexCorruptedError("unexpected zero page"), DatabaseDamaged),
    ],
)
def test_postgresql_says_the_same(error: Exception, told: type[Exception]) -> None:
    url = URL.create("postgresql", host="db", database="shop")
    assert type(_translated(error, url)) is told
