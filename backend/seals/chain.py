"""The chain of seals, without I/O: the digest of a movement, the head of a day, and what is signed.

A day's head is the SHA-256 of the head before it and of the digests of the day's movements in order. Whoever changes,
adds or removes a movement of a sealed day changes its head and every head after it, and cannot sign new ones.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC
from hashlib import sha256

from msgspec import Struct, json, structs

from backend.model.stock import Movement

MARK = 4
"""Bytes of each movement's digest that are kept, to tell which of a day's movements was changed."""


class Seal(Struct, frozen=True):
    """The seal of one store and day (in UTC)."""

    store_id: str
    day: str
    movements: int
    previous: str
    head: str
    marks: bytes
    key_id: str
    signature: bytes

    @property
    def signed(self) -> bytes:
        """What the signature is over."""
        return signed(self.store_id, self.day, self.movements, self.previous, self.head)


class Digest(Struct, frozen=True, order=True):
    """A movement in its place of the day, and what it says, as a digest."""

    at: str
    product_id: str
    version: int
    digest: bytes

    @classmethod
    def of(cls, movement: Movement) -> "Digest":
        """Returns the digest of a movement, the same on every database."""
        whole = structs.replace(movement, at=movement.at.astimezone(UTC))
        digest = sha256(json.encode(structs.astuple(whole))).digest()
        return cls(whole.at.isoformat(), whole.product_id, whole.version, digest)


def head_of(previous: str, digests: Sequence[Digest]) -> str:
    """Returns the head of a day over its movements, which are in order."""
    head = sha256(previous.encode())
    for one in digests:
        head.update(one.digest)
    return head.hexdigest()


def marks_of(digests: Iterable[Digest]) -> bytes:
    """Returns the marks of a day's movements."""
    return b"".join(one.digest[:MARK] for one in digests)


def signed(store_id: str, day: str, movements: int, previous: str, head: str) -> bytes:
    """Returns what is signed of a seal."""
    return json.encode(["mostrador seal", store_id, day, movements, previous, head])


def first_changed(seal: Seal, digests: Sequence[Digest]) -> Digest | None:
    """Returns the first movement that is not the one that was sealed; None if only the last ones are gone."""
    for number, one in enumerate(digests):
        if one.digest[:MARK] != seal.marks[number * MARK : (number + 1) * MARK]:
            return one
    return None
