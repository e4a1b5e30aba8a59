"""The one row that says whose stores these are."""

from datetime import datetime

from msgspec import Struct, structs
from sqlalchemy import bindparam, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now
from backend.database.tables import shop, users


class Shop(Struct, frozen=True):
    """What was said of the shop when it was founded."""

    name: str
    currency: str
    """ISO 4217; prices are whole hundredths of it."""
    time_zone: str
    """A name of the IANA database: when a day of the shop begins."""
    founded_at: datetime


_SHOP = select(*(shop.c[name] for name in Shop.__struct_fields__))
_ADD = insert(shop).values(number=1)
_ADMIN = select(users.c.name).where(users.c.name == bindparam("user"), users.c.role == "admin")
_ALONE = text("SELECT pg_advisory_xact_lock(:number)")
_FOUNDING = 0x6D6F7366
"""Any number that all founders share and nobody else locks."""


async def lock_founding(connection: AsyncConnection) -> None:
    """Keep others from founding the shop until the transaction ends."""
    if connection.dialect.name == "postgresql":  # a write transaction of SQLite has kept the others out already
        await connection.execute(_ALONE, {"number": _FOUNDING})


async def find_shop(connection: AsyncConnection) -> Shop | None:
    """Returns the shop; None in a database where nobody has founded one, or before there was such a row."""
    row = (await connection.execute(_SHOP)).one_or_none()
    return None if row is None else Shop(*row)


async def add_shop(connection: AsyncConnection, name: str, currency: str, time_zone: str) -> Shop:
    """Writes the row, which must not be there yet; returns it."""
    now = await connection.scalar(select(database_now()))
    assert isinstance(now, datetime)
    added = Shop(name, currency, time_zone, now)
    await connection.execute(_ADD, structs.asdict(added))
    return added


async def is_admin(connection: AsyncConnection, name: str) -> bool:
    """Returns whether somebody with this name is an admin."""
    return await connection.scalar(_ADMIN, {"user": name}) is not None
