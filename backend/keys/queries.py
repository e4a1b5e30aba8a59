"""The keys of machines."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import String, bindparam, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now
from backend.database.tables import Instant, api_keys

USE_NOTED_EVERY = timedelta(minutes=1)


class StoredKey(Struct, frozen=True):
    """A key without its secret. `terminal_id` is empty unless it is a terminal's own."""

    id: str
    name: str
    scopes: tuple[str, ...]
    stores: tuple[str, ...]
    """Ids, or only `*`."""
    terminal_id: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = None
    """To about a minute."""


class FoundKey(Struct, frozen=True):
    """A key as it is looked up for its use, at `now` on the database's clock."""

    key: StoredKey
    secret_hash: str
    now: datetime


_COLUMNS = [api_keys.c[name] for name in StoredKey.__struct_fields__]
_id = api_keys.c.id == bindparam("key_id")
_maker = bindparam("maker", type_=String)
_mine = or_(_maker.is_(None), api_keys.c.created_by == _maker)
_FIND = select(*_COLUMNS, api_keys.c.secret_hash, database_now()).where(_id)
_PAGE = (
    select(*_COLUMNS).where(api_keys.c.id > bindparam("after"), _mine).order_by(api_keys.c.id).limit(bindparam("limit"))
)
_ADD = insert(api_keys)
_REMOVE = delete(api_keys).where(_id, _mine).returning(*_COLUMNS)
_USED = (
    update(api_keys)
    .where(_id, or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at <= bindparam("before", type_=Instant)))
    .values(last_used_at=database_now())
)


async def find_key(connection: AsyncConnection, key_id: str) -> FoundKey | None:
    """Returns the key with this id, or None."""
    row = (await connection.execute(_FIND, {"key_id": key_id})).one_or_none()
    return None if row is None else FoundKey(_key(row), row[-2], row[-1])


async def keys_after(connection: AsyncConnection, after: str, maker: str | None, limit: int) -> list[StoredKey]:
    """Returns at most `limit` keys by id, behind the id `after`; only those that `maker` made, unless it is None."""
    rows = await connection.execute(_PAGE, {"after": after, "maker": maker, "limit": limit})
    return [_key(row) for row in rows]


async def add_key(connection: AsyncConnection, key: StoredKey, secret_hash: str) -> None:
    """Keep a new key."""
    words = {"scopes": " ".join(key.scopes), "stores": " ".join(key.stores), "secret_hash": secret_hash}
    await connection.execute(_ADD, {name: getattr(key, name) for name in key.__struct_fields__} | words)


async def remove_key(connection: AsyncConnection, key_id: str, maker: str | None) -> StoredKey | None:
    """Remove a key, if `maker` made it or is None; what it was."""
    row = (await connection.execute(_REMOVE, {"key_id": key_id, "maker": maker})).one_or_none()
    return None if row is None else _key(row)


async def note_use(connection: AsyncConnection, key_id: str, now: datetime) -> None:
    """Write down that a key is used now, unless that was done within the last minute."""
    await connection.execute(_USED, {"key_id": key_id, "before": now - USE_NOTED_EVERY})


def _key(row: Sequence[Any]) -> StoredKey:
    id_, name, scopes, stores, *rest = row[: len(_COLUMNS)]
    return StoredKey(id_, name, tuple(scopes.split()), tuple(stores.split()), *rest)
