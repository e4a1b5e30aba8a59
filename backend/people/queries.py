"""The people who sign in, and the stores they work in."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now
from backend.database.tables import stores, user_stores, users
from backend.model.errors import MostradorError

_NAMED = users.c.name == bindparam("user")
_USER = select(users.c.name, users.c.display_name, users.c.role, users.c.pin_hash).where(_NAMED)
_KEPT = _USER.with_for_update(read=True)
_STORES = (
    select(stores.c.id, stores.c.name)
    .join(user_stores, user_stores.c.store_id == stores.c.id)
    .where(user_stores.c.user_name == bindparam("user"))
    .order_by(stores.c.id)
)
_PEOPLE = select(users.c.name, users.c.display_name, users.c.role, users.c.created_at)
_PERSON = _PEOPLE.where(_NAMED)
_PAGE = _PEOPLE.where(users.c.name > bindparam("after")).order_by(users.c.name).limit(bindparam("most"))
_elsewhere = select(user_stores.c.user_name).where(
    user_stores.c.user_name == users.c.name, user_stores.c.store_id.not_in(bindparam("stores", expanding=True))
)
_PAGE_OF_STORES = _PAGE.where(users.c.role != "admin", ~_elsewhere.exists())
_WORKPLACES = (
    select(user_stores.c.user_name, user_stores.c.store_id)
    .where(user_stores.c.user_name.in_(bindparam("names", expanding=True)))
    .order_by(user_stores.c.store_id)
)
_ADMINS = select(users.c.name).where(users.c.role == "admin").order_by(users.c.name)
_ADD = insert(users).values(created_at=database_now())
_ADD_STORE = insert(user_stores)
_REMOVE_STORES = delete(user_stores).where(user_stores.c.user_name == bindparam("user"))
_REMOVE = delete(users).where(_NAMED)


class UserTaken(MostradorError):
    """Somebody signs in with this name already."""

    code = "user_taken"


class User(Struct, frozen=True):
    """A person, as stored."""

    name: str
    display_name: str
    role: str
    pin_hash: str


class Person(Struct, frozen=True):
    """A person, as everybody who may look can see them."""

    name: str
    display_name: str
    role: str
    stores: tuple[str, ...]
    """Ids of the stores they work in; none for an admin, who works in all."""
    created_at: datetime


async def find_user(connection: AsyncConnection, name: str, *, keep: bool = False) -> User | None:
    """Returns the user with this sign-in name, or None. With `keep` nobody changes it until the transaction ends."""
    row = (await connection.execute(_KEPT if keep else _USER, {"user": name})).one_or_none()
    return None if row is None else User(*row)


async def stores_of(connection: AsyncConnection, name: str) -> list[tuple[str, str]]:
    """Returns id and name of the stores the user works in, by id."""
    return [(row.id, row.name) for row in await connection.execute(_STORES, {"user": name})]


async def find_person(connection: AsyncConnection, name: str, *, lock: bool = False) -> Person | None:
    """Returns the person with this name, or None.

    With `lock` nobody reads them to change them until the transaction ends.
    """
    found = await connection.execute(_PERSON.with_for_update() if lock else _PERSON, {"user": name})
    people = await _with_stores(connection, found.all())
    return people[0] if people else None


async def people_after(
    connection: AsyncConnection, name: str, stores: Collection[str] | None, limit: int
) -> list[Person]:
    """Returns the people whose names follow `name`, in order, `limit` at most; only those who work in no other than
    `stores`,
    unless that is None."""
    values = {"after": name, "most": limit}
    if stores is None:
        found = await connection.execute(_PAGE, values)
    else:
        found = await connection.execute(_PAGE_OF_STORES, values | {"stores": list(stores)})
    return await _with_stores(connection, found.all())


async def lock_admins(connection: AsyncConnection) -> set[str]:
    """Returns the names of the admins. Until the transaction ends nobody else learns them to take one away."""
    return set(await connection.scalars(_ADMINS.with_for_update()))


async def add_user(connection: AsyncConnection, user: User, workplaces: Iterable[str]) -> None:
    """A new user, who works in these stores. Raises UserTaken."""
    try:
        await connection.execute(_ADD, structs.asdict(user))
    except IntegrityError as error:
        raise UserTaken(f"There is a user {user.name} already; choose another name.", field="name") from error
    await _set_stores(connection, user.name, workplaces)


async def change_user(connection: AsyncConnection, person: Person, pin_hash: str | None) -> None:
    """Make a user what `person` says; without `pin_hash` the secret stays."""
    values = {"display_name": person.display_name, "role": person.role} | ({"pin_hash": pin_hash} if pin_hash else {})
    await connection.execute(update(users).where(_NAMED).values(**values), {"user": person.name})
    await connection.execute(_REMOVE_STORES, {"user": person.name})
    await _set_stores(connection, person.name, person.stores)


async def set_secret(connection: AsyncConnection, user: User, pin_hash: str) -> bool:
    """Give a user a new secret, unless the old one, the role or the user is another meanwhile; whether it was done."""
    same = _NAMED & (users.c.pin_hash == user.pin_hash) & (users.c.role == user.role)
    done = await connection.execute(update(users).where(same).values(pin_hash=pin_hash), {"user": user.name})
    return done.rowcount == 1


async def remove_user(connection: AsyncConnection, name: str) -> None:
    """Take a user away. What they did stays in the books under their name."""
    await connection.execute(_REMOVE, {"user": name})


async def _set_stores(connection: AsyncConnection, name: str, workplaces: Iterable[str]) -> None:
    rows = [{"user_name": name, "store_id": store_id} for store_id in workplaces]
    if rows:
        await connection.execute(_ADD_STORE, rows)


async def _with_stores(connection: AsyncConnection, rows: Sequence[Any]) -> list[Person]:
    found = await connection.execute(_WORKPLACES, {"names": [row.name for row in rows]})
    workplaces: dict[str, list[str]] = {}
    for name, store_id in found:
        workplaces.setdefault(name, []).append(store_id)
    return [
        Person(row.name, row.display_name, row.role, tuple(workplaces.get(row.name, ())), row.created_at)
        for row in rows
    ]
