"""A store that stock comes to is founded by whoever may found stores, once."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from backend.auth.roles import EVERY_STORE, Scope, StoreNotAllowed
from backend.auth.tokens import Claims
from backend.database.audit_trail import Origin
from backend.database.engine import Database
from backend.database.tables import audit, stores
from backend.database.writes import writing
from backend.model.errors import UnknownStore
from backend.model.stock import Who
from backend.stores.routes import ensure_store

ORIGIN = Origin("key:k1")


def caller(*scopes: Scope, store: str = EVERY_STORE) -> Claims:
    return Claims(
        actor="key:k1",
        role="machine",
        scopes=frozenset(scopes),
        stores=frozenset({store}),
        store_id="",
        terminal_id="",
        expires_at=datetime.max.replace(tzinfo=UTC),
        who=Who("key:k1"),
    )


async def ensure(database: Database, claims: Claims) -> None:
    async with writing(database) as connection:
        await ensure_store(connection, claims, ORIGIN, "oeste")


async def test_many_at_once_found_it_once(database: Database) -> None:
    await asyncio.gather(*(ensure(database, caller(Scope.STORES_WRITE)) for _ in range(4)))
    async with database.engine.connect() as connection:
        assert (await connection.execute(select(stores.c.id, stores.c.name))).all() == [("oeste", "oeste")]
        acts = (await connection.execute(select(audit.c.actor, audit.c.action, audit.c.store_id))).all()
    assert acts == [("key:k1", "store.create", "oeste")]
    await ensure(database, caller())  # it is there


async def test_others_are_told_that_there_is_none(database: Database) -> None:
    with pytest.raises(UnknownStore):
        await ensure(database, caller(Scope.STOCK_WRITE))
    with pytest.raises(StoreNotAllowed):
        await ensure(database, caller(Scope.STORES_WRITE, store="sur"))
