"""The people who sign in."""

from msgspec import Struct
from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.tables import stores, user_stores, users

_USER = select(users.c.name, users.c.display_name, users.c.role, users.c.pin_hash).where(
    users.c.name == bindparam("name")
)
_KEPT = _USER.with_for_update(read=True)
_STORES = (
    select(stores.c.id, stores.c.name)
    .join(user_stores, user_stores.c.store_id == stores.c.id)
    .where(user_stores.c.user_name == bindparam("name"))
    .order_by(stores.c.id)
)


class User(Struct, frozen=True):
    """A person, as stored."""

    name: str
    display_name: str
    role: str
    pin_hash: str


async def find_user(connection: AsyncConnection, name: str, *, keep: bool = False) -> User | None:
    """The user with this sign-in name, or None. With `keep` nobody changes it until the transaction ends."""
    row = (await connection.execute(_KEPT if keep else _USER, {"name": name})).one_or_none()
    return None if row is None else User(*row)


async def stores_of(connection: AsyncConnection, name: str) -> list[tuple[str, str]]:
    """Id and name of the stores the user works in, by id."""
    return [(row.id, row.name) for row in await connection.execute(_STORES, {"name": name})]
