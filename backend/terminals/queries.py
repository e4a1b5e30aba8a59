"""The terminals of the stores: each waits for its enrolment code to be typed, or has a key of its own."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Select, String, bindparam, delete, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now
from backend.database.tables import Instant, api_keys, terminals


class Terminal(Struct, frozen=True):
    """A terminal, as stored but for its code. It is enrolled when it has a key."""

    store_id: str
    terminal_id: str
    name: str
    key_id: str | None
    code_expires_at: datetime | None
    created_by: str
    created_at: datetime
    last_used_at: datetime | None = None
    """When its key was used last, to about a minute."""


_COLUMNS = [terminals.c[name] for name in Terminal.__struct_fields__[:-1]]
_it = (terminals.c.store_id == bindparam("store"), terminals.c.terminal_id == bindparam("terminal"))
_place = tuple_(terminals.c.store_id, terminals.c.terminal_id) > tuple_(
    bindparam("after_store", type_=String), bindparam("after_terminal", type_=String)
)
_ALL: Select[Any] = (
    select(*_COLUMNS, api_keys.c.last_used_at)
    .outerjoin(api_keys, api_keys.c.id == terminals.c.key_id)
    .where(_place)
    .order_by(terminals.c.store_id, terminals.c.terminal_id)
    .limit(bindparam("limit"))
)
_OF_STORES = _ALL.where(terminals.c.store_id.in_(bindparam("stores", expanding=True)))
_FIND = select(*_COLUMNS).where(*_it).with_for_update()
_ADD = insert(terminals)
_NEW_CODE = (
    update(terminals)
    .where(*_it)
    .values(name=bindparam("new_name"), code_hash=bindparam("hash"), code_expires_at=bindparam("until", type_=Instant))
)
_ENROL = (
    update(terminals)
    .where(terminals.c.code_hash == bindparam("hash"), terminals.c.code_expires_at > database_now())
    .values(key_id=bindparam("new_key"), code_hash=None, code_expires_at=None)
    .returning(*_COLUMNS)
)
_REMOVE = delete(terminals).where(*_it).returning(*_COLUMNS)
_FREE = update(terminals).where(*_it, terminals.c.key_id == bindparam("old_key")).values(key_id=None)


async def terminals_after(
    connection: AsyncConnection, stores: Collection[str] | None, after: tuple[str, str], limit: int
) -> list[Terminal]:
    """Returns at most `limit` terminals of these stores (None: of all), behind the store and terminal `after`."""
    values = {"after_store": after[0], "after_terminal": after[1], "limit": limit}
    if stores is None:
        rows = await connection.execute(_ALL, values)
    else:
        rows = await connection.execute(_OF_STORES, values | {"stores": list(stores)})
    return [Terminal(*row) for row in rows]


async def find_terminal(connection: AsyncConnection, store_id: str, terminal_id: str) -> Terminal | None:
    """Returns the terminal, kept from others until the transaction ends; or None."""
    row = (await connection.execute(_FIND, {"store": store_id, "terminal": terminal_id})).one_or_none()
    return _terminal(row)


async def add_terminal(connection: AsyncConnection, terminal: Terminal, code_hash: str) -> None:
    """Add a terminal that waits for its code."""
    values = {name: getattr(terminal, name) for name in Terminal.__struct_fields__[:-1]}
    await connection.execute(_ADD, values | {"code_hash": code_hash})


async def renew_code(connection: AsyncConnection, terminal: Terminal, code_hash: str) -> None:
    """Give a terminal that still waits another code, and perhaps another name."""
    await connection.execute(
        _NEW_CODE,
        {
            "store": terminal.store_id,
            "terminal": terminal.terminal_id,
            "new_name": terminal.name,
            "hash": code_hash,
            "until": terminal.code_expires_at,
        },
    )


async def enrol_terminal(connection: AsyncConnection, code_hash: str, key_id: str) -> Terminal | None:
    """Take a good code, which ends with it, and give its terminal this key; None for a code that is not good."""
    row = (await connection.execute(_ENROL, {"hash": code_hash, "new_key": key_id})).one_or_none()
    return _terminal(row)


async def remove_terminal(connection: AsyncConnection, store_id: str, terminal_id: str) -> Terminal | None:
    """Remove a terminal; what it was."""
    row = (await connection.execute(_REMOVE, {"store": store_id, "terminal": terminal_id})).one_or_none()
    return _terminal(row)


async def forget_key(connection: AsyncConnection, store_id: str, terminal_id: str, key_id: str) -> None:
    """The terminal has this key no longer."""
    await connection.execute(_FREE, {"store": store_id, "terminal": terminal_id, "old_key": key_id})


def _terminal(row: Sequence[Any] | None) -> Terminal | None:
    return None if row is None else Terminal(*row)
