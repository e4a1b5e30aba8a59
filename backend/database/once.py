"""Sent twice, done once, for changes outside the ledger: the first answer is kept with the effect, in one transaction.

Commands of the ledger have their ids; everything else has the client's Idempotency-Key, which the database never
learns. What the request said is hashed with the key, and the answer is sealed with it: from the row that a request
leaves, nobody can guess the PIN it set or read the secret it was given.
"""

import os
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Self, TypeVar
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from msgspec import Struct, json
from sqlalchemy import bindparam, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.model.errors import MostradorError

from .engine import Database
from .reads import database_now
from .tables import once
from .writes import writing

T = TypeVar("T")


class KeyReused(MostradorError):
    """The key came with something else before."""

    code = "key_reused"


class StillRunning(MostradorError):
    """The first request with this key has not been answered yet."""

    code = "still_running"
    retryable = True


class Attempt(Struct, frozen=True):
    """One sending of a request that may be sent again."""

    id: bytes
    """Names the request: the same for all its sendings."""
    fingerprint: str
    """Tells whether two sendings say the same."""
    lock: bytes
    """Opens the kept answer."""

    @classmethod
    def of(cls, key: UUID, actor: str, said: object) -> Self:
        """Returns an attempt by `actor` to have done, once for `key`, what `said` says.

        Keys of two actors are two keys.
        """
        id_ = blake2b(actor.encode(), key=key.bytes, digest_size=16).digest()
        lock = blake2b(actor.encode(), key=key.bytes, digest_size=32, person=b"lock").digest()
        return cls(id_, blake2b(json.encode(said), key=key.bytes, digest_size=16).hexdigest(), lock)

    def seal(self, answer: bytes) -> str:
        """Returns `answer` as it is kept."""
        nonce = os.urandom(12)
        return b64encode(nonce + ChaCha20Poly1305(self.lock).encrypt(nonce, answer, None)).decode()

    def open(self, sealed: str) -> bytes:
        """Returns what `seal` has sealed."""
        kept = b64decode(sealed)
        return ChaCha20Poly1305(self.lock).decrypt(kept[:12], kept[12:], None)


_ALONE = text("SELECT pg_try_advisory_xact_lock(:number)")
_FIRST = select(once.c.fingerprint, once.c.answer).where(once.c.id == bindparam("id"))
_KEEP = insert(once).values(at=database_now())


async def run_once(
    db: Database, attempt: Attempt | None, effect: Callable[[AsyncConnection], Awaitable[T]], answer: type[T]
) -> T:
    """Returns what `effect` answers, run in one write transaction; for an attempt after the first, what it answered
    then.

    Without an attempt it simply runs. An effect that raises has changed nothing, and its key is free again.
    Raises KeyReused, StillRunning, what `effect` raises, and DatabaseAway and its like.
    """
    async with writing(db) as connection:
        if attempt is None:
            return await effect(connection)
        first = await _first(connection, attempt)
        if first is not None:
            return json.decode(first, type=answer)
        result = await effect(connection)
        kept = attempt.seal(json.encode(result))
        values = {"id": attempt.id, "fingerprint": attempt.fingerprint, "answer": kept}
        await connection.execute(_KEEP, values)
        return result


async def _first(connection: AsyncConnection, attempt: Attempt) -> bytes | None:
    """Returns the first answer, None if this is the first attempt; until the transaction ends no other is the first."""
    if connection.dialect.name == "postgresql":  # SQLite's transaction has kept the others out already
        number = int.from_bytes(attempt.id[:8], signed=True)
        if not await connection.scalar(_ALONE, {"number": number}):
            raise StillRunning("The same request is still running; send it again in a second for its answer.")
    row = (await connection.execute(_FIRST, {"id": attempt.id})).one_or_none()
    if row is None:
        return None
    if row.fingerprint != attempt.fingerprint:
        raise KeyReused(
            "This Idempotency-Key was used for another request; make a new one for each.", field="Idempotency-Key"
        )
    return attempt.open(row.answer)
