"""The file of the copy: who may read it, how it is migrated, and what becomes of one that cannot be used."""

import sqlite3
import stat
from pathlib import Path

import pytest

from backend.model.stock import StockRow
from backend.model.sync import CopiedProduct
from backend.terminal.cache import file, writing
from backend.terminal.cache.cache import Cache
from backend.terminal.cache.file import CacheUnusable, opened

MILK = CopiedProduct(1, 1, "1041", "S1041", "Whole milk", 119)


def filled(path: Path) -> None:
    db = opened(path)
    with writing.transaction(db):
        writing.put_products(db, [MILK])
        writing.put_facts(db, {"complete": "1"})
    db.close()


async def test_only_its_owner_may_read_it_and_a_commit_is_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "new" / "copy.db"
    db = opened(path)
    with writing.transaction(db):
        writing.put_products(db, [MILK])
    modes = {x.name: stat.S_IMODE(x.stat().st_mode) for x in path.parent.iterdir()}
    assert modes.keys() == {"copy.db", "copy.db-wal", "copy.db-shm"}
    assert set(modes.values()) == {0o600}
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    db.close()


async def test_an_older_file_is_migrated_and_keeps_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "copy.db"
    filled(path)
    monkeypatch.setattr(file, "MIGRATIONS", (*file.MIGRATIONS, "ALTER TABLE products ADD COLUMN origin TEXT;"))
    db = opened(path)
    assert db.execute("SELECT name, origin FROM products").fetchall() == [("Whole milk", None)]
    assert db.execute("PRAGMA user_version").fetchone() == (len(file.MIGRATIONS),)
    db.close()


async def test_a_migration_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "copy.db"
    filled(path)
    broken = "ALTER TABLE products ADD COLUMN origin TEXT; CREATE TABLE facts (x);"
    with monkeypatch.context() as patch:
        patch.setattr(file, "MIGRATIONS", (*file.MIGRATIONS, broken))
        with pytest.raises(CacheUnusable):
            opened(path)
    db = opened(path)
    assert db.execute("SELECT * FROM products").description[-1][0] == "price_per"
    assert db.execute("PRAGMA user_version").fetchone() == (len(file.MIGRATIONS),)
    db.close()


@pytest.mark.parametrize("how", ["no database", "newer"])
async def test_a_file_that_cannot_be_used_is_set_aside_and_begun_anew(tmp_path: Path, how: str) -> None:
    path = tmp_path / "copy.db"
    filled(path)
    if how == "newer":
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
    else:
        path.write_bytes(b"not a database, whatever its name says" * 100)
    before = path.read_bytes()
    cache = Cache(path, "292")
    assert not cache.is_complete
    assert (await cache.search("milk")).found == ()
    await cache.close()
    assert (tmp_path / "copy.db.damaged").read_bytes()[:38] == before[:38]


async def test_damage_that_shows_later_begins_the_file_anew_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "copy.db"
    filled(path)
    cache = Cache(path, "292")
    assert cache.facts["complete"] == "1"
    content = path.read_bytes()
    page = 4096
    path.write_bytes(content[:page] + b"\xff" * (len(content) - page))  # all but the page that names the tables
    assert await cache.by_code("S1041") is None
    assert cache.rebuilt.is_set()
    assert not cache.is_complete
    cache.take([StockRow("292", "1041", 5, version=1)])
    await cache.flush()
    assert (await cache.stock("1041")).row.on_hand == 5
    await cache.close()


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    with pytest.raises(CacheUnusable) as caught:
        Cache(in_the_way / "copy.db", "292")
    assert caught.value.fields["path"] == str(in_the_way / "copy.db")


async def test_the_copy_of_another_store_is_not_taken_for_this_one_s(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "copy.db", "292")
    await cache.flush({"store_id": "292"})
    await cache.close()
    with pytest.raises(CacheUnusable, match="292"):
        Cache(tmp_path / "copy.db", "319")
