"""What only its owner may read is created so, under the most open umask too."""

import asyncio
import os
import sqlite3
import stat
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.archive.months import archive_month
from backend.auth.keys import load_signing_key
from backend.cli.backup import copy_sqlite
from backend.database.engine import migrate, open_database
from backend.embedded.children import start_child
from backend.embedded.files import ShopFiles, write_private
from backend.terminal.journal import Journal
from tests.ledger.shop import open_shop, receive, running_ledger


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def modes(directory: Path) -> dict[str, str]:
    """Every file and directory below `directory` that others may do anything with, and its mode."""
    return {
        str(path.relative_to(directory)): oct(mode)
        for path in directory.rglob("*")
        if (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077
    }


async def test_a_database_its_log_its_copy_and_its_archives_are_its_owners(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'mostrador.db'}"
    await migrate(url)
    database = open_database(url)
    await open_shop(database)
    async with running_ledger(database) as ledger:
        assert (await ledger.submit(receive(tea=5))).accepted
        assert {"mostrador.db-wal", "mostrador.db-shm"} <= names(tmp_path)
        await asyncio.to_thread(copy_sqlite, tmp_path / "mostrador.db", tmp_path / "copy.db")
        assert modes(tmp_path) == {}
    later = datetime.now(UTC).replace(year=datetime.now(UTC).year + 1)
    await archive_month(database, later, tmp_path, later)
    await database.close()
    assert f"movements-until-{later:%Y-%m-%d}.ndjson.gz" in names(tmp_path)
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        copy.execute("PRAGMA user_version = 1")
        assert modes(tmp_path) == {}


async def test_what_a_terminal_and_its_servers_keep_is_their_owners(tmp_path: Path) -> None:
    files = ShopFiles(tmp_path / "new" / "data")
    files.prepare()
    child = await start_child([sys.executable, "-c", "print('said')"], files.log("child"))
    await child.wait()
    load_signing_key(files.root / "keys" / "signing-key.pem")
    write_private(files.enrolment, "{}")
    journal = Journal(files.root / "terminals" / "deeper" / "T1.db", "T1")
    journal.remember(store="292")
    assert (files.root / "terminals" / "deeper" / "T1.db-wal").exists()
    found = modes(tmp_path)
    journal.close()
    assert found == {}
