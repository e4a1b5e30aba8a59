"""`mostrador init`: a shop of one's own in an empty database of either kind; again; and never in another's."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from backend.auth.pins import Pins
from backend.cli import errors
from backend.database import tables
from backend.database.engine import open_database
from backend.database.reads import reading
from backend.embedded.choice import OWN, remembered
from backend.embedded.files import ShopFiles
from backend.main import mostrador
from backend.people.queries import find_user
from tests.servers import PostgresServer

TWO = ["--store", "1=Centro", "--store", "2=Norte", "--admin", "eva"]


@pytest.fixture(params=["sqlite", "postgresql"])
def nowhere(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that has no tables; of SQLite not even a file."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new' / 'shop.db'}"
    postgres: PostgresServer = request.getfixturevalue("postgres")
    return postgres.url(postgres.create_database())


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text("open sesame\n")
    return file


def init(url: str, *words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(mostrador, ["init", *words, "--database-url", url], input=typed)


def rows(url: str, table: str) -> list[dict[str, Any]]:
    async def read() -> Sequence[Any]:
        db = open_database(url)
        try:
            async with reading(db) as connection:
                return (await connection.execute(select(tables.metadata.tables[table]))).mappings().all()
        finally:
            await db.close()

    return [dict(row) for row in asyncio.run(read())]


def fits(url: str, name: str, secret: str) -> bool:
    async def check() -> bool:
        db = open_database(url)
        try:
            async with reading(db) as connection:
                user = await find_user(connection, name)
            return user is not None and user.role == "admin" and await Pins().verify(user.pin_hash, secret)
        finally:
            await db.close()

    return asyncio.run(check())


def test_an_empty_database_gets_its_shop_and_again_it_changes_nothing(nowhere: str, secret: Path) -> None:
    words = [*TWO, "--secret-file", str(secret), "--currency", "MXN", "--time-zone", "America/Mexico_City"]
    made = init(nowhere, *words)
    assert made.exit_code == 0, made.output
    for told in ("1 Centro", "2 Norte", "MXN", "America/Mexico_City", "admin eva", "mostrador import products"):
        assert told in made.stdout
    assert {(row["id"], row["name"]) for row in rows(nowhere, "stores")} == {("1", "Centro"), ("2", "Norte")}
    (shop,) = rows(nowhere, "shop")
    assert (shop["name"], shop["currency"], shop["time_zone"]) == ("Centro", "MXN", "America/Mexico_City")
    assert fits(nowhere, "eva", "open sesame")
    acts = {(row["action"], row["actor"]) for row in rows(nowhere, "audit")}
    assert acts == {(what, "system:cli") for what in ("shop.found", "store.create", "user.create")}

    everything = [rows(nowhere, table) for table in ("stores", "shop", "users", "audit")]
    secret.write_text("another secret")
    again = json.loads(init(nowhere, *words, "--json").stdout)
    assert (again["created"], again["admin"]) == (False, "eva")
    assert [rows(nowhere, table) for table in ("stores", "shop", "users", "audit")] == everything


def test_a_shop_that_has_grown_is_still_the_one_that_was_founded(tmp_path: Path, secret: Path) -> None:
    url, words = f"sqlite:///{tmp_path / 'shop.db'}", [*TWO, "--secret-file", str(secret)]
    assert init(url, *words, "--currency", "EUR").exit_code == 0
    assert json.loads(init(url, *words[2:], "--json").stdout)["created"] is False  # one store of the two
    assert "already" in init(url, *words).stdout


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--store", "3=Sur", "--admin", "eva"], "it has no store 3"),
        (["--store", "1=Centro", "--admin", "ana"], "ana is no admin of it"),
        ([*TWO, "--currency", "USD"], "its currency is EUR, not USD"),
        ([*TWO, "--name", "Other"], "its name is Centro, not Other"),
    ],
)
def test_another_shop_is_refused_and_left_alone(
    words: list[str], why: str, tmp_path: Path, secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    assert init(url, *TWO, "--secret-file", str(secret)).exit_code == 0
    everything = [rows(url, table) for table in ("stores", "shop", "users", "audit")]
    command = ["init", *words, "--secret-file", str(secret), "--database-url", url, "--json"]
    assert errors.run(mostrador, command) == errors.FAILED
    told = json.loads(capsys.readouterr().err)
    assert told["code"] == "another_shop"
    assert why in told["message"]
    assert [rows(url, table) for table in ("stores", "shop", "users", "audit")] == everything


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (["--store", "a b=Centro", "--admin", "eva"], "store"),
        (["--store", "1=Centro", "--store", "1=Norte", "--admin", "eva"], "store"),
        ([*TWO, "--currency", "euro"], "currency"),
        ([*TWO, "--currency", "JPY"], "currency"),
        ([*TWO, "--time-zone", "Mars/Olympus"], "time_zone"),
        ([*TWO, "--time-zone", "../etc/passwd"], "time_zone"),
        (["--store", "1=Centro", "--admin", "a:b"], "name"),
    ],
)
def test_what_is_wrong_leaves_no_database_behind(
    words: list[str], field: str, tmp_path: Path, secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["init", *words, "--secret-file", str(secret), "--data", str(tmp_path / "shop"), "--json"]
    assert errors.run(mostrador, command) == errors.WRONG_INPUT
    assert json.loads(capsys.readouterr().err)["field"] == field
    assert not list((tmp_path / "shop").glob("*.db"))


def test_the_secret_is_typed_twice_and_the_directory_remembers_that_it_is_no_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    files = ShopFiles(tmp_path / "shop")
    assert remembered(files) is None
    command = ["init", *TWO, "--data", str(files.root)]
    made = CliRunner().invoke(mostrador, command, input="open sesame\nopen sesame\n")
    assert made.exit_code == 0, made.output
    assert "open sesame" not in made.output
    assert f"mostrador --data {files.root}" in made.stdout
    assert remembered(files) == OWN
    assert fits(files.database_url, "eva", "open sesame")
