"""Stores and users from files. What a file leaves out stays; nobody and no store is ever taken away by one."""

from typing import Any

from argon2 import Parameters, extract_parameters
from argon2.exceptions import InvalidHashError
from msgspec import UNSET, structs
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.pins import Pins, check_secret
from backend.database.audit_trail import record
from backend.database.engine import Database
from backend.database.writes import writing
from backend.model.errors import InvalidInput
from backend.people.queries import User, add_user, change_user, find_person, find_user, lock_admins, stores_of
from backend.people.service import LastAdmin
from backend.people.session_queries import end_sessions_of
from backend.stores.queries import all_stores, put_store
from backend.stores.schemas import StoreShape

from .goods import BY
from .plan import Plan, only_once
from .reading import Progress, Row, RowError


async def plan_stores(connection: AsyncConnection, rows: list[Row], errors: list[RowError]) -> Plan:
    """Returns the stores that are new or get another name."""
    there = dict(await all_stores(connection))
    rows = only_once(rows, lambda values: values.id, "id", errors)
    stores = [StoreShape(row.values.id, row.values.name) for row in rows]
    new = [store for store in stores if store.id not in there]
    changed = [store for store in stores if there.get(store.id, store.name) != store.name]

    async def write(db: Database, progress: Progress) -> list[RowError]:
        async with writing(db, at_leisure=True) as connection:
            for done, store in enumerate((*new, *changed)):
                progress("write", done, len(new) + len(changed))
                was = await put_store(connection, store.id, store.name)
                before = None if was is None else StoreShape(store.id, was)
                action, subject = "store.create" if was is None else "store.rename", f"store:{store.id}"
                await record(connection, BY, action, subject, store_id=store.id, before=before, after=store)
        return []

    return Plan(len(new), len(changed), len(rows) - len(new) - len(changed), errors, write)


async def plan_users(connection: AsyncConnection, rows: list[Row], errors: list[RowError], *, pins: Pins) -> Plan:
    """Returns the people who are new, or who get another name, role, secret or other stores.

    A PIN in the file that a person has already is no change, so the file may be imported again.
    """
    known = set(dict(await all_stores(connection)))
    rows = only_once(rows, lambda values: values.name, "name", errors)
    new: list[tuple[User, tuple[str, ...]]] = []
    changed: list[tuple[User, tuple[str, ...], bool]] = []
    for row in rows:
        before = await find_user(connection, row.values.name)
        wrong = _wrong(row, before, known)
        if wrong is not None:
            errors.append(wrong)
            continue
        stores = () if row.values.stores is UNSET else row.values.stores
        pin_hash = await _hash(row.values, before, pins)
        shown = row.values.display_name
        if shown is UNSET:
            shown = before.display_name if before else row.values.name
        after = User(row.values.name, shown, row.values.role, pin_hash)
        if before is None:
            new.append((after, stores))
            continue
        had = tuple(store_id for store_id, _ in await stores_of(connection, before.name))
        if row.values.stores is UNSET and row.values.role != "admin":
            stores = had
        if (before, had) != (after, stores):
            changed.append((after, stores, pin_hash != before.pin_hash))

    async def write(db: Database, progress: Progress) -> list[RowError]:
        async with writing(db, at_leisure=True) as connection:
            had_admins = await lock_admins(connection)
            for done, (user, stores) in enumerate(new):
                progress("write", done, len(new) + len(changed))
                await add_user(connection, user, stores)
                person = await find_person(connection, user.name)
                await record(connection, BY, "user.create", f"user:{user.name}", after=person)
            for done, (user, stores, new_secret) in enumerate(changed, len(new)):
                progress("write", done, len(new) + len(changed))
                await _change(connection, user, stores, new_secret=new_secret)
            if had_admins and not await lock_admins(connection):
                raise LastAdmin(min(had_admins))
        return []

    return Plan(len(new), len(changed), len(rows) - len(new) - len(changed), errors, write)


async def _change(connection: AsyncConnection, user: User, stores: tuple[str, ...], *, new_secret: bool) -> None:
    before = await find_person(connection, user.name, lock=True)
    if before is None:  # removed since the file was looked through: the next import adds the person anew
        return
    after = structs.replace(before, display_name=user.display_name, role=user.role, stores=stores)
    await change_user(connection, after, user.pin_hash if new_secret else None)
    if new_secret or (after.role, after.stores) != (before.role, before.stores):
        await end_sessions_of(connection, user.name, "user_changed")
    action = "user.new_pin" if new_secret else "user.update"
    await record(connection, BY, action, f"user:{user.name}", before=before, after=after)


def _wrong(row: Row, before: User | None, known: set[str]) -> RowError | None:
    """Returns what no person may be, or None."""
    given = row.values
    stores = () if given.stores is UNSET else given.stores
    if given.role == "admin" and stores:
        return RowError(row.line, "stores", "An admin works in every store; leave the stores empty.")
    if given.role != "admin" and not stores and (before is None or given.stores is not UNSET):
        return RowError(row.line, "stores", f"Name at least one store that the {given.role} works in.")
    for store_id in stores:
        if store_id not in known:
            return RowError(row.line, "stores", f"There is no store {store_id}; found it first: mostrador stores add.")
    if given.pin is not UNSET:
        try:
            check_secret(given.name, given.role, given.pin)
        except InvalidInput as invalid:
            return RowError(row.line, "pin", invalid.message)
        return None
    if given.pin_hash is not UNSET:
        if not _is_ours(given.pin_hash):
            return RowError(row.line, "pin_hash", "This is not what an export wrote; give a pin in its place.")
        return None
    if before is None:
        return RowError(row.line, "pin", "A new user needs a pin.")
    if given.role == "admin" != before.role:
        return RowError(row.line, "pin", "An admin needs a longer secret than others; give a pin too.")
    return None


async def _hash(given: Any, before: User | None, pins: Pins) -> str:
    """Returns the hash to keep: the one there is, if the PIN in the file fits it."""
    if given.pin is not UNSET:
        if before is not None and before.role == given.role and await pins.verify(before.pin_hash, given.pin):
            return before.pin_hash
        return await pins.hash(given.pin)
    if given.pin_hash is not UNSET:
        pin_hash: str = given.pin_hash
        return pin_hash
    assert before is not None  # `_wrong` has asked for a pin otherwise
    return before.pin_hash


def _is_ours(pin_hash: str) -> bool:
    try:
        found: Parameters = extract_parameters(pin_hash)
    except InvalidHashError:
        return False
    return found.type.name == "ID"
