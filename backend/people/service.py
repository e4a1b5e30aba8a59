"""Who may sign in: people are added, changed and removed, by people who may do at least as much.

Whatever changes what a person may do ends their sessions; so does a new secret.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, convert, structs
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.ended import EndedSessions
from backend.auth.pins import Pins, check_secret
from backend.auth.roles import EVERY_STORE, ROLES, ScopeMissing
from backend.auth.tokens import Claims
from backend.database.audit_trail import Origin, record
from backend.database.engine import Database
from backend.database.once import Attempt, run_once
from backend.database.writes import writing
from backend.model.commands import StoreId
from backend.model.errors import InvalidInput, MostradorError
from backend.model.text import LINE, REFUSED
from backend.stores.queries import require_store

from .grants import revoke_grants
from .queries import Person, User, add_user, change_user, find_person, lock_admins, remove_user
from .session_queries import end_sessions_of

# Names stand in addresses; `key:` and `system:` are the names of what is no person.
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=rf"^[^{REFUSED} /:]+$(?!\n)")]
DisplayName = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE)]
Secret = Annotated[str, Meta(min_length=1, max_length=128, description="A PIN or a password.")]
Role = Literal["clerk", "supervisor", "admin"]
Stores = Annotated[tuple[StoreId, ...], Meta(max_length=1000)]


class UnknownUser(MostradorError):
    """Nobody signs in with this name."""

    code = "unknown_user"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no user {name}; check the name.", field="name")


class LastAdmin(MostradorError):
    """Without an admin nobody could manage the users any more."""

    code = "last_admin"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is the last admin; make somebody else one first.")


class NewUser(Struct, frozen=True, forbid_unknown_fields=True):
    """A person to be. An admin works in every store and has no list of them."""

    name: Name
    display_name: DisplayName
    role: Role
    pin: Secret
    stores: Stores = ()


class UserChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to change of a person; a field that is not sent stays as it is."""

    display_name: DisplayName | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    pin: Secret | UnsetType = UNSET
    stores: Stores | UnsetType = UNSET


class People:
    """Manages the users."""

    def __init__(self, db: Database, pins: Pins, ended: EndedSessions) -> None:
        self._db, self._pins, self._ended = db, pins, ended

    async def add(self, caller: Claims, origin: Origin, new: NewUser, attempt: Attempt | None) -> Person:
        """Returns a new person.

        Raises InvalidInput, ScopeMissing, StoreNotAllowed, UnknownStore, UserTaken, KeyReused.
        """
        check_secret(new.name, new.role, new.pin)
        stores = _workplaces(new.role, new.stores)
        _may_manage(caller, new.role, stores)
        pin_hash = await self._pins.hash(new.pin)

        async def effect(connection: AsyncConnection) -> Person:
            await _check_stores(connection, stores)
            await add_user(connection, User(new.name, new.display_name, new.role, pin_hash), stores)
            person = await find_person(connection, new.name)
            assert person is not None  # written in this transaction
            await record(connection, origin, "user.create", f"user:{new.name}", after=person)
            return person

        return await run_once(self._db, attempt, effect, Person)

    async def change(
        self, caller: Claims, origin: Origin, name: str, change: UserChange, attempt: Attempt | None
    ) -> Person:
        """Returns the person as changed. Raises what `add` raises, UnknownUser and LastAdmin."""
        pin_hash = None if change.pin is UNSET else await self._pins.hash(change.pin)
        ended: list[str] = []

        async def effect(connection: AsyncConnection) -> Person:
            before = await self._seen(connection, caller, name, loses_admin=change.role not in (UNSET, "admin"))
            role = before.role if change.role is UNSET else change.role
            stores = before.stores if change.stores is UNSET else change.stores
            if change.stores is UNSET and role == "admin":
                stores = ()
            stores = _workplaces(role, stores)
            _may_manage(caller, role, stores)
            await _check_stores(connection, stores)
            if change.pin is not UNSET:
                check_secret(name, role, change.pin)
            elif role == "admin" != before.role:
                raise InvalidInput("pin", "An admin needs a longer secret than others; send a new pin too.")
            shown = before.display_name if change.display_name is UNSET else change.display_name
            after = structs.replace(before, display_name=shown, role=role, stores=stores)
            if (after, pin_hash) == (before, None):
                return before
            await change_user(connection, after, pin_hash)
            if pin_hash is not None or (after.role, after.stores) != (before.role, before.stores):
                ended.extend(await end_sessions_of(connection, name, "user_changed"))
            action = "user.update" if pin_hash is None else "user.new_pin"
            await record(connection, origin, action, f"user:{name}", before=before, after=after)
            return after

        person = await run_once(self._db, attempt, effect, Person)
        self._ended.add(ended)
        return person

    async def remove(self, caller: Claims, origin: Origin, name: str) -> None:
        """Take a person away. Raises UnknownUser, LastAdmin, ScopeMissing, StoreNotAllowed."""
        async with writing(self._db) as connection:
            before = await self._seen(connection, caller, name, loses_admin=True)
            await remove_user(connection, name)
            ended = await end_sessions_of(connection, name, "user_removed")
            await record(connection, origin, "user.delete", f"user:{name}", before=before)
        self._ended.add(ended)

    async def sign_out(self, caller: Claims, origin: Origin, name: str) -> int:
        """End all sessions and offline grants of a person; how many sessions there were.

        Raises UnknownUser, ScopeMissing, StoreNotAllowed."""
        async with writing(self._db) as connection:
            await self._seen(connection, caller, name)
            ended = await end_sessions_of(connection, name, "ended_by_other")
            await revoke_grants(connection, name)
            await record(connection, origin, "user.sign_out", f"user:{name}", after={"sessions": len(ended)})
        self._ended.add(ended)
        return len(ended)

    async def _seen(
        self, connection: AsyncConnection, caller: Claims, name: str, *, loses_admin: bool = False
    ) -> Person:
        """Returns the person, kept from others until the transaction ends, whom the caller may manage."""
        admins = await lock_admins(connection)  # first and in order, so that two callers never wait for each other
        person = await find_person(connection, name, lock=True)
        if person is None:
            raise UnknownUser(name)
        _may_manage(caller, person.role, person.stores)
        if loses_admin and admins == {name}:
            raise LastAdmin(name)
        return person


async def make_admin(db: Database, pins: Pins, name: str, display_name: str, secret: str) -> bool:
    """Make `name` an admin with this secret, whoever they were before; whether they are new.

    For whoever has the database anyway: the first admin, and the way back in for one who forgot the secret.
    Raises InvalidInput, DatabaseAway and its like.
    """
    pin_hash = await admin_hash(pins, name, display_name, secret)
    async with writing(db) as connection:
        return await put_admin(connection, name, display_name, pin_hash)


async def admin_hash(pins: Pins, name: str, display_name: str, secret: str) -> str:
    """Returns the hash of an admin's secret. Raises InvalidInput for what no admin may have as a name or secret."""
    _check_name("name", name, Name)
    _check_name("display_name", display_name or name, DisplayName)
    check_secret(name, "admin", secret)
    return await pins.hash(secret)


async def put_admin(connection: AsyncConnection, name: str, display_name: str, pin_hash: str) -> bool:
    """Make `name` an admin with the secret that has this hash, in the transaction of `connection`; whether new."""
    origin, subject = Origin("system:cli"), f"user:{name}"
    before = await find_person(connection, name, lock=True)
    if before is None:
        await add_user(connection, User(name, display_name or name, "admin", pin_hash), ())
    else:
        shown = display_name or before.display_name
        await change_user(connection, structs.replace(before, display_name=shown, role="admin", stores=()), pin_hash)
        await end_sessions_of(connection, name, "user_changed")
    after = await find_person(connection, name)
    await record(connection, origin, "user.new_pin" if before else "user.create", subject, before=before, after=after)
    return before is None


def _check_name(field: str, value: str, form: object) -> None:
    try:
        convert(value, form)
    except ValidationError as error:
        raise InvalidInput(field, f"{field} has characters that a name must not have, or too many.") from error


def _workplaces(role: str, stores: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the stores, in order and each once. Raises InvalidInput."""
    if role == "admin" and stores:
        raise InvalidInput("stores", "An admin works in every store; leave stores out.")
    if role != "admin" and not stores:
        raise InvalidInput("stores", f"stores is empty; name at least one store that the {role} works in.")
    return tuple(sorted(set(stores)))


def _may_manage(caller: Claims, role: str, stores: tuple[str, ...]) -> None:
    """Nobody gives, changes or takes away what they may not do themselves."""
    for scope in sorted(ROLES[role] - caller.scopes):
        raise ScopeMissing(f"You cannot manage a user who is {role}; it needs the right {scope}.", scope=scope)
    for store_id in stores or (EVERY_STORE,):
        caller.require_store(store_id)


async def _check_stores(connection: AsyncConnection, stores: tuple[str, ...]) -> None:
    for store_id in stores:
        await require_store(connection, store_id)
