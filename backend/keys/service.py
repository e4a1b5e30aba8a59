"""Who holds a key: looked up in the database, and believed for the next two seconds."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct

from backend.auth.api_keys import ApiKey, KeyRefused
from backend.auth.roles import EVERY_STORE
from backend.auth.tokens import Claims
from backend.database.engine import Database
from backend.database.reads import reading
from backend.database.writes import writing
from backend.model.stock import Who

from .queries import USE_NOTED_EVERY, FoundKey, StoredKey, find_key, note_use

BELIEVED_SECONDS = 2.0
"""How long another server may still take a key that was revoked here."""
REMEMBERED = 10_000
"""Keys in memory: more than one server's callers have."""
ROLE = "machine"
_NEVER = datetime.max.replace(tzinfo=UTC)


class _Known(Struct, frozen=True):
    secret_hash: str
    claims: Claims
    until: float


class Keys:
    """Verifies keys."""

    def __init__(self, db: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._db, self._clock = db, clock
        self._known: dict[str, _Known] = {}

    async def verify(self, text: str) -> Claims:
        """Returns what the key's holder may do. Raises KeyRefused, and DatabaseAway and its like."""
        shown = ApiKey.parse(text)
        known = self._known.get(shown.id)
        if known is not None and self._clock() < known.until and shown.fits(known.secret_hash):
            return known.claims
        asked_at = self._clock()
        async with reading(self._db) as connection:
            found = await find_key(connection, shown.id)
        if found is None or not shown.fits(found.secret_hash) or _seconds_left(found) <= 0:
            raise KeyRefused
        await self._note_use(found)
        if len(self._known) >= REMEMBERED:
            self._known.clear()  # rare, and costs one look per live key
        claims = claims_of(found.key)
        until = asked_at + min(BELIEVED_SECONDS, _seconds_left(found))
        self._known[shown.id] = _Known(found.secret_hash, claims, until)
        return claims

    def forget(self, key_id: str) -> None:
        """This key is no longer valid."""
        self._known.pop(key_id, None)

    async def _note_use(self, found: FoundKey) -> None:
        used_at = found.key.last_used_at
        if used_at is None or found.now - used_at >= USE_NOTED_EVERY:
            async with writing(self._db) as connection:
                await note_use(connection, found.key.id, found.now)


def actor_of(key_id: str) -> str:
    """Returns the name that a key's acts are told by."""
    return f"key:{key_id}"


def claims_of(key: StoredKey) -> Claims:
    """Returns what a key allows. Its holder acts in no store by default, unless there is only one."""
    actor = actor_of(key.id)
    only = key.stores[0] if len(key.stores) == 1 and key.stores[0] != EVERY_STORE else ""
    return Claims(
        actor=actor,
        role=ROLE,
        scopes=frozenset(key.scopes),
        stores=frozenset(key.stores),
        store_id=only,
        terminal_id=key.terminal_id,
        expires_at=key.expires_at or _NEVER,
        who=Who(actor, key.terminal_id),
    )


def _seconds_left(found: FoundKey) -> float:
    return (found.key.expires_at - found.now).total_seconds() if found.key.expires_at else float("inf")
