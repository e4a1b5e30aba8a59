"""Identifiers. UUIDv7 (RFC 9562): unique without a server, and ordered by time, which keeps indexes dense."""

from hashlib import blake2b
from uuid import UUID

from uuid_utils.compat import uuid7

__all__ = ["derived_id", "expiry_command_id", "new_id"]


def new_id() -> UUID:
    """A new UUIDv7."""
    return uuid7()


def expiry_command_id(reservation_id: UUID, version: int) -> UUID:
    """The one command id under which any server expires this state of a hold: two servers, one effect.

    A UUIDv8 that begins like the hold's id, so that it sorts, and is forgotten, with what was made at the same time.
    """
    return _derived(reservation_id, b"expire:%s:%d" % (reservation_id.bytes, version))


def derived_id(base: UUID, name: str) -> UUID:
    """Returns the one id for what `name` says of `base`: who does the same twice uses the same ids."""
    return _derived(base, b"derived:%s:%s" % (base.bytes, name.encode()))


def _derived(base: UUID, name: bytes) -> UUID:
    digest = int.from_bytes(blake2b(name, digest_size=10).digest())
    number = base.int >> 80 << 80 | digest
    number = number & ~(0xF << 76) | 0x8 << 76
    return UUID(int=number & ~(0x3 << 62) | 0x2 << 62)
