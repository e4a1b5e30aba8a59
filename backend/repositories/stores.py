"""Founding a store, or giving it another name."""

from datetime import UTC, datetime

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.tables import Instant

from .catalogue import store_name

_PUT = text("""
INSERT INTO stores (id, name, created_at) VALUES (:store_id, :name, :now)
ON CONFLICT (id) DO UPDATE SET name = excluded.name
""").bindparams(bindparam("now", type_=Instant))

_FOUND = text("""
INSERT INTO stores (id, name, created_at) VALUES (:store_id, :store_id, :now)
ON CONFLICT (id) DO NOTHING
""").bindparams(bindparam("now", type_=Instant))


async def put_store(connection: AsyncConnection, store_id: str, name: str) -> str | None:
    """Found the store, or rename it if there is one; the name that it had, None for a new one."""
    before = await store_name(connection, store_id)
    await connection.execute(_PUT, {"store_id": store_id, "name": name, "now": datetime.now(UTC)})
    return before


async def found_store(connection: AsyncConnection, store_id: str) -> bool:
    """Found the store, named like its id; False if there is one already."""
    done = await connection.execute(_FOUND, {"store_id": store_id, "now": datetime.now(UTC)})
    return done.rowcount == 1
