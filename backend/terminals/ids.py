"""The ids that the server gives to terminals that nobody enrolled, each once and for good."""

import secrets

from sqlalchemy import bindparam, exists, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now
from backend.database.tables import terminal_ids, terminals

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: nothing in it looks like something else in it."""
LENGTH = 6

_ALLOTTED = exists().where(terminal_ids.c.id == bindparam("id"))
_ENROLLED = exists().where(terminals.c.terminal_id == bindparam("id"))
_IS_ALLOTTED = select(_ALLOTTED)
_IS_TAKEN = select(or_(_ALLOTTED, _ENROLLED))
_KEEP = insert(terminal_ids).values(allotted_at=database_now())


async def allot(connection: AsyncConnection, store_id: str, user: str) -> str:
    """Returns an id that no terminal has or had. It is random, so that a restored database allots none again."""
    while True:
        new = "".join(secrets.choice(_LETTERS) for _ in range(LENGTH))
        if not await connection.scalar(_IS_TAKEN, {"id": new}):
            await connection.execute(_KEEP, {"id": new, "store_id": store_id, "user_name": user})
            return new


async def is_allotted(connection: AsyncConnection, terminal_id: str) -> bool:
    """Returns whether the server has given this id to a terminal."""
    return bool(await connection.scalar(_IS_ALLOTTED, {"id": terminal_id}))
