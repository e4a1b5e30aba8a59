"""Founding a store, or giving it another name."""

from datetime import UTC, datetime

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.catalogue.search_queries import store_name
from backend.database.tables import Instant

_FOUND = text("""
INSERT INTO stores (id, name, created_at) VALUES (:store_id, :name, :now)
ON CONFLICT (id) DO NOTHING
""").bindparams(bindparam("now", type_=Instant))
_RENAME = text("UPDATE stores SET name = :name WHERE id = :store_id")


async def put_store(connection: AsyncConnection, store_id: str, name: str) -> str | None:
    """Found the store, or rename it if there is one; the name that it had, None for a new one."""
    if await found_store(connection, store_id, name):
        return None
    before = await store_name(connection, store_id, lock=True)  # of two who rename it, the second sees the first's
    await connection.execute(_RENAME, {"store_id": store_id, "name": name})
    return before


async def found_store(connection: AsyncConnection, store_id: str, name: str) -> bool:
    """Found the store; False if there is one already."""
    done = await connection.execute(_FOUND, {"store_id": store_id, "name": name, "now": datetime.now(UTC)})
    return done.rowcount == 1
