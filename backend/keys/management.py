"""The use cases of keys: made and revoked, by people over HTTP or by whoever has the database."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct, structs
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.api_keys import ApiKey
from backend.auth.roles import EVERY_STORE, ScopeMissing
from backend.auth.tokens import Claims
from backend.database.audit_trail import CHAIN, Origin, record
from backend.database.engine import Database
from backend.database.once import Attempt, run_once
from backend.database.reads import moment
from backend.database.writes import writing
from backend.http.errors import UnknownKey
from backend.model.scopes import Scope
from backend.model.text import LINE
from backend.people.session_queries import end_sessions_at
from backend.stores.queries import require_store
from backend.terminals.queries import find_terminal, forget_key

from .queries import StoredKey, add_key, find_key, remove_key
from .service import actor_of

KeyStore = Annotated[str, Meta(max_length=32, pattern=r"^(\*|[A-Za-z0-9_-]+)$(?!\n)")]


class NewKeyBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What a key is for and what it allows."""

    name: Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE)]
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=len(Scope))]
    stores: Annotated[tuple[KeyStore, ...], Meta(min_length=1, max_length=100)]
    """Ids of the stores to act in, or * for all."""
    valid_days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    """Without it the key is valid until somebody revokes it."""


class KeyMade(StoredKey, frozen=True, kw_only=True):
    """A new key. `key` is what its holder sends as X-API-Key; it cannot be shown again."""

    key: str


async def make_key(db: Database, caller: Claims, origin: Origin, data: NewKeyBody, attempt: Attempt | None) -> KeyMade:
    """Make a key that allows no more than its maker may do. Raises ScopeMissing, StoreNotAllowed, UnknownStore."""
    _may_give(caller, data)

    async def effect(connection: AsyncConnection) -> KeyMade:
        await _check_stores(connection, data.stores)
        key, now = ApiKey.make(), await moment(connection)
        stored = StoredKey(
            key.id,
            data.name,
            tuple(sorted(set(data.scopes))),
            (EVERY_STORE,) if EVERY_STORE in data.stores else tuple(sorted(set(data.stores))),
            "",
            caller.actor,
            now,
            now + timedelta(days=data.valid_days) if data.valid_days else None,
        )
        await add_key(connection, stored, key.digest)
        await record(connection, origin, "key.create", actor_of(key.id), store_id=_home(stored), after=stored)
        return KeyMade(**structs.asdict(stored), key=str(key))

    return await run_once(db, attempt, effect, KeyMade)


async def revoke_key(db: Database, caller: Claims, origin: Origin, key_id: str) -> list[str]:
    """Revoke a key; of a terminal's own key the terminal's sessions end, and their ids are returned.

    Raises UnknownKey.
    """
    ended: list[str] = []
    async with writing(db) as connection:
        found = await find_key(connection, key_id)
        if found is not None and found.key.terminal_id:
            # Kept first, as by whoever removes the terminal with its key: so neither waits for the other for ever.
            await find_terminal(connection, found.key.stores[0], found.key.terminal_id)
        was = await remove_key(connection, key_id, maker_of(caller))
        if was is None:
            raise UnknownKey(key_id)
        if was.terminal_id:
            await forget_key(connection, was.stores[0], was.terminal_id, key_id)
            ended = await end_sessions_at(connection, was.stores[0], was.terminal_id)
        await record(connection, origin, "key.revoke", actor_of(key_id), store_id=_home(was), before=was)
    return ended


def maker_of(claims: Claims) -> str | None:
    """Returns whose keys the caller may see and revoke; None for everybody's."""
    return None if claims.allows_store(EVERY_STORE) else claims.actor


def _may_give(claims: Claims, data: NewKeyBody) -> None:
    for scope in sorted(set(data.scopes) - claims.scopes):
        raise ScopeMissing(f"You cannot give a key the right {scope}; you do not have it yourself.", scope=scope)
    for store_id in sorted(data.stores):
        claims.require_store(store_id)


async def _check_stores(connection: AsyncConnection, stores: Iterable[str]) -> None:
    for store_id in sorted(set(stores) - {EVERY_STORE}):
        await require_store(connection, store_id)


def _home(key: StoredKey) -> str:
    """Returns the store whose trail tells of the key."""
    return key.stores[0] if len(key.stores) == 1 else CHAIN
