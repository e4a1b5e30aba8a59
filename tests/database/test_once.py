"""A request that is sent again has one effect, whichever server it reaches and however many copies run at once."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from msgspec import Struct
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.engine import Database, open_database
from backend.database.once import Attempt, KeyReused, StillRunning, run_once
from backend.database.reads import database_now
from backend.database.tables import once as once_table
from backend.database.tables import stores
from backend.ids import new_id
from backend.model.errors import InvalidInput

Effect = Callable[[AsyncConnection], Awaitable["Opened"]]


class Opened(Struct):
    """What opening a store answers."""

    store_id: str


def opens(store_id: str) -> Effect:
    async def effect(connection: AsyncConnection) -> Opened:
        await connection.execute(insert(stores).values(id=store_id, name=store_id, created_at=database_now()))
        return Opened(store_id)

    return effect


async def ids(database: Database) -> list[str]:
    async with database.engine.connect() as connection:
        return list(await connection.scalars(select(stores.c.id).order_by(stores.c.id)))


@pytest.fixture
async def other(database: Database) -> AsyncIterator[Database]:
    """Another server's connections to the same database."""
    opened = open_database(database.url)
    yield opened
    await opened.close()


async def test_the_first_answer_is_given_again_and_nothing_happens_twice(database: Database, other: Database) -> None:
    attempt = Attempt.of(new_id(), "luis", {"name": "Norte"})
    assert await run_once(database, attempt, opens("a"), Opened) == Opened("a")
    assert await run_once(other, attempt, opens("b"), Opened) == Opened("a")
    assert await ids(database) == ["a"]


async def test_without_a_key_each_is_a_request_of_its_own(database: Database) -> None:
    for store_id in ("a", "b"):
        assert await run_once(database, None, opens(store_id), Opened) == Opened(store_id)
    async with database.engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(once_table)) == 0


async def test_a_key_serves_one_request_of_one_caller(database: Database) -> None:
    key = new_id()
    await run_once(database, Attempt.of(key, "luis", 1), opens("a"), Opened)
    with pytest.raises(KeyReused):
        await run_once(database, Attempt.of(key, "luis", 2), opens("b"), Opened)
    assert await run_once(database, Attempt.of(key, "eva", 1), opens("b"), Opened) == Opened("b")


async def test_a_refused_request_leaves_its_key_free(database: Database) -> None:
    attempt = Attempt.of(new_id(), "luis", 1)

    async def refuse(connection: AsyncConnection) -> Opened:
        await opens("a")(connection)
        raise InvalidInput("name", "This name is taken.")

    with pytest.raises(InvalidInput):
        await run_once(database, attempt, refuse, Opened)
    assert await ids(database) == []
    assert await run_once(database, attempt, opens("a"), Opened) == Opened("a")


async def test_a_copy_beside_the_first_has_no_effect(database: Database, other: Database) -> None:
    """On PostgreSQL it is told so at once; SQLite has one writer, so there it waits and gets the first answer."""
    attempt = Attempt.of(new_id(), "luis", 1)
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def slow(connection: AsyncConnection) -> Opened:
        answer = await opens("a")(connection)
        inside.set()
        await go_on.wait()
        return answer

    first = asyncio.create_task(run_once(database, attempt, slow, Opened))
    await inside.wait()
    copy = asyncio.create_task(run_once(other, attempt, opens("b"), Opened))
    if database.dialect == "postgresql":
        with pytest.raises(StillRunning):
            await copy
        go_on.set()
    else:
        go_on.set()
        assert await copy == Opened("a")
    assert await first == Opened("a")
    assert await run_once(other, attempt, opens("b"), Opened) == Opened("a")
    assert await ids(database) == ["a"]


async def test_the_row_does_not_tell_what_was_answered(database: Database) -> None:
    await run_once(database, Attempt.of(new_id(), "luis", 1), opens("a-secret"), Opened)
    async with database.engine.connect() as connection:
        kept = await connection.scalar(select(once_table.c.answer))
    assert kept
    assert "a-secret" not in kept + b64decode(kept).decode("latin-1")


async def test_the_row_does_not_tell_what_was_said(database: Database) -> None:
    """Who has the row but not the key cannot try all PINs."""
    await run_once(database, Attempt.of(new_id(), "luis", {"pin": "2468"}), opens("a"), Opened)
    async with database.engine.connect() as connection:
        before = (await connection.execute(text("SELECT id, fingerprint FROM once"))).one()
    await run_once(database, Attempt.of(new_id(), "luis", {"pin": "2468"}), opens("b"), Opened)
    async with database.engine.connect() as connection:
        rows = (await connection.execute(text("SELECT id, fingerprint FROM once"))).all()
    assert len(rows) == 2
    assert sum(row.fingerprint == before.fingerprint for row in rows) == 1
