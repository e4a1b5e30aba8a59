"""What a data directory opens: founded by the command, remembered beside the database, and never a demo by mistake."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from backend.embedded.choice import DEMO, OWN, Choice, remember, remembered
from backend.embedded.files import ShopFiles
from backend.embedded.founding import NewShop, NotFounded, found

NEW = NewShop("Ultramarinos = 2", "EUR", "eva", "öpen sesame")


@pytest.fixture
def files(tmp_path: Path) -> ShopFiles:
    return ShopFiles(tmp_path / "shop")


def test_a_new_directory_has_no_choice_and_one_with_a_database_of_before_is_a_demo(files: ShopFiles) -> None:
    assert remembered(files) is None
    files.prepare()
    assert remembered(files) is None
    files.database.touch()
    assert remembered(files) == DEMO


def test_a_server_is_remembered_and_an_own_shop_as_long_as_it_is_there(files: ShopFiles) -> None:
    remember(files, Choice("server", "http://shop:8000"))
    assert remembered(files) == Choice("server", "http://shop:8000")
    remember(files, OWN)
    assert remembered(files) is None
    files.database.touch()
    assert remembered(files) == OWN
    files.choice.write_text("{", "utf-8")
    assert remembered(files) == DEMO


async def test_a_shop_is_founded_by_a_process_of_its_own(files: ShopFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    # The shop of this directory is meant, whatever database the environment names.
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    await found(files, NEW)
    assert remembered(files) == OWN
    with closing(sqlite3.connect(files.database)) as database:
        assert database.execute("SELECT id, name FROM stores").fetchall() == [("1", "Ultramarinos = 2")]
        assert database.execute("SELECT name, role FROM users").fetchall() == [("eva", "admin")]


async def test_what_is_wrong_comes_back_with_its_field_and_leaves_no_shop(files: ShopFiles) -> None:
    with pytest.raises(NotFounded) as refused:
        await found(files, NewShop("Ultramarinos", "EUR", "eva", "12345678"))
    assert (refused.value.code, refused.value.fields["field"]) == ("invalid_input", "pin")
    assert remembered(files) is None
