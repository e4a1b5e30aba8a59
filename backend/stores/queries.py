"""Stores: finding, founding and renaming them."""

from datetime import UTC, datetime

from sqlalchemy import bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import Instant, stores
from backend.model.errors import UnknownStore

_STORES = select(stores.c.id, stores.c.name).order_by(stores.c.id)
_STORE = select(stores.c.name).where(stores.c.id == bindparam("store_id"))
_LOCKED_STORE = _STORE.with_for_update(key_share=True)  # what refers to the store goes on
_FOUND = text("""
INSERT INTO stores (id, name, created_at) VALUES (:store_id, :name, :now)
ON CONFLICT (id) DO NOTHING
""").bindparams(bindparam("now", type_=Instant))
_RENAME = text("UPDATE stores SET name = :name WHERE id = :store_id")


async def all_stores(connection: AsyncConnection) -> list[tuple[str, str]]:
    """Returns id and name of every store, by id."""
    return [(row.id, row.name) for row in await connection.execute(_STORES)]


async def store_name(connection: AsyncConnection, store_id: str, *, lock: bool = False) -> str | None:
    """Returns the name of a store, or None; with `lock` nobody else gets it with `lock` before the transaction ends."""
    name: str | None = await connection.scalar(_LOCKED_STORE if lock else _STORE, {"store_id": store_id})
    return name


async def require_store(connection: AsyncConnection, store_id: str, *, lock: bool = False) -> str:
    """Returns the name of a store, locked as by `store_name`. Raises UnknownStore if there is none."""
    name = await store_name(connection, store_id, lock=lock)
    if name is None:
        raise UnknownStore(store_id)
    return name


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
