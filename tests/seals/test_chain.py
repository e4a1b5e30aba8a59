"""The chain of seals: it holds while nobody touches the history, and names the first movement that somebody did."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import structs
from sqlalchemy import BindParameter, bindparam, text

from backend.auth.keys import load_signing_key
from backend.cli.errors import run
from backend.database.engine import Database
from backend.database.tables import movements
from backend.main import mostrador
from backend.model.stock import Movement
from backend.seals.chain import Digest
from backend.seals.service import Break, Chain, check_chain, seal_days
from tests.ledger.shop import open_shop, receive, running_ledger, sell

KEY = Ed25519PrivateKey.generate()
DAYS = ("2026-03-01", "2026-03-02", "2026-03-05")


@pytest.fixture
async def sealed(database: Database) -> Database:
    """Store 292 with three days of trade, each with a delivery and a sale, all of them sealed."""
    await trade(database)
    made = await seal_days(database, KEY)
    assert [(seal.store_id, seal.day, seal.movements) for seal in made] == [("292", day, 2) for day in DAYS]
    return database


async def trade(database: Database) -> None:
    """Three days long ago: the ledger's own movements, put to their days before anything is sealed."""
    await open_shop(database)
    async with running_ledger(database) as ledger:
        for number in range(len(DAYS)):
            await ledger.submit_many([receive(tea=10), sell(tea=number + 1)])
    async with database.writer.begin() as connection:
        m = movements.c
        for number, day in enumerate(DAYS):
            versions = (2 * number + 1, 2 * number + 2)
            at = datetime.fromisoformat(f"{day}T23:59:59.5").replace(tzinfo=UTC)
            await connection.execute(movements.update().where(m.version.in_(versions)).values(at=at))


async def tamper(database: Database, statement: str) -> None:
    async with database.writer.begin() as connection:
        await connection.execute(text(statement))


async def chain(database: Database, key: Ed25519PrivateKey = KEY) -> Chain:
    return await check_chain(database, [key.public_key()])


async def test_an_untouched_history_holds_and_is_sealed_once(sealed: Database) -> None:
    found = await chain(sealed)
    assert (found.seals, found.movements, found.sealed_until, found.breaks) == (3, 6, DAYS[-1], ())
    assert await seal_days(sealed, KEY) == []


async def test_today_is_left_open(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=10))
    assert await seal_days(database, KEY) == []


@pytest.mark.parametrize(
    ("statement", "day", "version"),
    [
        ("UPDATE movements SET actor = 'eva' WHERE version = 4", DAYS[1], 4),
        ("UPDATE movements SET reason = 'gift' WHERE version = 2", DAYS[0], 2),
        ("DELETE FROM movements WHERE version = 3", DAYS[1], 4),
    ],
)
async def test_the_first_changed_movement_is_named(sealed: Database, statement: str, day: str, version: int) -> None:
    await tamper(sealed, statement)
    (broken,) = (await chain(sealed)).breaks
    assert (broken.store_id, broken.day, broken.product_id, broken.version) == ("292", day, "tea", version)
    assert "not the one that was sealed" in broken.what


async def test_a_movement_that_is_gone_from_the_end_of_a_day_is_missed(sealed: Database) -> None:
    await tamper(sealed, "DELETE FROM movements WHERE version = 4")
    (broken,) = (await chain(sealed)).breaks
    assert broken.day == DAYS[1]
    assert broken.what == "the last movements of the day are gone; 2 movements were sealed, 1 are there"


async def test_a_movement_on_a_day_that_had_none_is_found(sealed: Database) -> None:
    columns = ", ".join(column.name for column in movements.columns if column.name not in ("version", "at"))
    copied = (
        f"INSERT INTO movements (version, at, {columns}) SELECT 99, :at, {columns} FROM movements WHERE version = 1"
    )
    async with sealed.writer.begin() as connection:
        await connection.execute(text(copied).bindparams(movements_at("2026-03-03T10:00:00")))
    (broken,) = (await chain(sealed)).breaks
    assert (broken.day, broken.product_id, broken.version) == ("2026-03-03", "tea", 99)


def movements_at(when: str) -> BindParameter[datetime]:
    """The moment as the value of the parameter `at`."""
    moment = datetime.fromisoformat(when).replace(tzinfo=UTC)
    return bindparam("at", moment, type_=movements.c.at.type)


async def test_who_seals_another_history_needs_the_key(sealed: Database) -> None:
    """A forger changes a movement, forgets the seals of its day and after, and seals anew with a key of their own."""
    await tamper(sealed, "UPDATE movements SET actor = 'eva' WHERE version = 4")
    await tamper(sealed, f"DELETE FROM seals WHERE day >= '{DAYS[1]}'")
    await seal_days(sealed, Ed25519PrivateKey.generate())
    (broken,) = (await chain(sealed)).breaks
    assert broken.day == DAYS[1]
    assert "is not among the server's" in broken.what


@pytest.mark.parametrize(
    ("statement", "day", "what"),
    [
        (f"DELETE FROM seals WHERE day = '{DAYS[0]}'", DAYS[1], "a seal is missing"),
        (f"UPDATE seals SET head = previous WHERE day = '{DAYS[2]}'", DAYS[2], "signature"),
        (f"UPDATE seals SET movements = 3 WHERE day = '{DAYS[2]}'", DAYS[2], "signature"),
    ],
)
async def test_a_changed_seal_is_found(sealed: Database, statement: str, day: str, what: str) -> None:
    await tamper(sealed, statement)
    (broken,) = (await chain(sealed)).breaks
    assert broken.day == day
    assert what in broken.what


def test_a_digest_does_not_depend_on_how_a_database_tells_the_time() -> None:
    """SQLite answers in UTC, PostgreSQL in the zone of its session."""
    at = datetime(2026, 3, 1, 23, 59, 59, 500000, tzinfo=UTC)
    movement = Movement("292", "tea", 1, "sell", "", -1, 0, 4, 0, 0, 0, 0, "ana", "T1", "", UUID(int=7), at)
    elsewhere = structs.replace(movement, at=at.astimezone(timezone(timedelta(hours=5))))
    assert Digest.of(elsewhere) == Digest.of(movement)
    assert Digest.of(structs.replace(movement, actor="eva")) != Digest.of(movement)


async def test_archived_days_are_left_to_their_files(sealed: Database) -> None:
    await tamper(sealed, "DELETE FROM movements WHERE version <= 4")
    async with sealed.writer.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO archives (until, file_name, sha256, movements, archived_at)"
                " VALUES (:at, 'march', '', 4, :at)"
            ).bindparams(movements_at("2026-03-03T00:00:00"))
        )
    found = await chain(sealed)
    assert (found.archived_days, found.breaks) == (2, ())
    await tamper(sealed, "UPDATE movements SET actor = 'eva' WHERE version = 6")
    assert [broken.version for broken in (await chain(sealed)).breaks] == [6]


@pytest.fixture
async def traded(database: Database) -> Database:
    await trade(database)
    return database


def test_seal_and_verify_at_the_command_line(
    traded: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "signing-key.pem"
    monkeypatch.setenv("SIGNING_KEY_FILE", str(key))
    on = ["--database-url", traded.url]
    assert run(mostrador, ["seal", *on]) == 2
    assert "There is no signing key" in capsys.readouterr().err
    assert not key.exists()
    load_signing_key(key)
    assert run(mostrador, ["verify", "--chain", *on]) == 0
    assert "Nothing is sealed yet" in capsys.readouterr().out
    assert run(mostrador, ["seal", *on, "--json"]) == 0
    assert [seal["day"] for seal in json.loads(capsys.readouterr().out)] == list(DAYS)
    assert run(mostrador, ["seal", *on]) == 0
    assert "sealed already" in capsys.readouterr().out
    assert run(mostrador, ["verify", "--chain", *on]) == 0
    assert "Proved: 3 seals over 6 movements hold, up to 2026-03-05." in capsys.readouterr().out


@pytest.fixture
async def forged(database: Database, tmp_path: Path) -> Database:
    """A sealed shop whose history somebody changed; its key is in `tmp_path`."""
    await trade(database)
    await seal_days(database, load_signing_key(tmp_path / "signing-key.pem"))
    await tamper(database, "UPDATE movements SET actor = 'eva' WHERE version = 4")
    return database


def test_verify_fails_on_a_forged_history(
    forged: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIGNING_KEY_FILE", str(tmp_path / "signing-key.pem"))
    assert run(mostrador, ["verify", "--chain", "--database-url", forged.url]) == 1
    assert f"store 292, {DAYS[1]}, product tea, movement 4: this movement is not" in capsys.readouterr().out
    assert run(mostrador, ["verify", "--chain", "--database-url", forged.url, "--json"]) == 1
    (broken,) = json.loads(capsys.readouterr().out)["breaks"]
    assert broken.keys() == set(Break.__struct_fields__)
