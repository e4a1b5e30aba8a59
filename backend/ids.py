"""Identifiers. UUIDv7 (RFC 9562): unique without a server, and ordered by time, which keeps indexes dense."""

from hashlib import blake2b
from uuid import UUID, uuid5

from uuid_utils.compat import uuid7

__all__ = ["derived_id", "drawer_id", "expiry_command_id", "grant_command_id", "new_id", "returned_id"]

_DRAWERS = UUID("5d1c3f0a-7b0e-5c53-9a1f-0f4a6c7d2e91")
_ALERT_MARKS = UUID("0c2f5b7e-41d6-5a38-8e0b-6a9d3c1f7b24")


def new_id() -> UUID:
    """Returns a new UUIDv7."""
    return uuid7()


def expiry_command_id(reservation_id: UUID, version: int) -> UUID:
    """Returns the one command id under which any server expires this state of a hold: two servers, one effect.

    A UUIDv8 that begins like the hold's id, so that it sorts, and is forgotten, with what was made at the same time.
    """
    return _beside(reservation_id, b"expire:%s:%d" % (reservation_id.bytes, version))


def grant_command_id(approval_id: UUID) -> UUID:
    """Returns the one command id under which an approval is granted on the spot: a retry of the request grants it
    once."""
    return _beside(approval_id, b"grant:%s" % approval_id.bytes)


def derived_id(base: UUID, name: str) -> UUID:
    """Returns the one id for what `name` says of `base`: who does the same twice uses the same ids."""
    return _beside(base, b"derived:%s:%s" % (base.bytes, name.encode()))


def _beside(first: UUID, name: bytes) -> UUID:
    digest = int.from_bytes(blake2b(name, digest_size=10).digest())
    number = first.int >> 80 << 80 | digest
    number = number & ~(0xF << 76) | 0x8 << 76
    return UUID(int=number & ~(0x3 << 62) | 0x2 << 62)


def returned_id(sale_id: UUID) -> UUID:
    """Returns the id of the one document that says what of a sale has come back: whoever opens it first, there is only
    one."""
    return uuid5(sale_id, "returned")


def drawer_id(store_id: str, terminal_id: str) -> UUID:
    """Returns the id of the one document that says which shift of a terminal is open."""
    return uuid5(_DRAWERS, f"{store_id}/{terminal_id}")


def alert_mark_id(store_id: str, rule: str, subject: str) -> UUID:
    """Returns the id of the one document that says what somebody said of the alert of a rule about a subject."""
    return uuid5(_ALERT_MARKS, f"{store_id}/{rule}/{subject}")
