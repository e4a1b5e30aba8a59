"""Identifiers. UUIDv7 (RFC 9562): unique without a server, and ordered by time, which keeps indexes dense."""

from uuid import UUID, uuid5

from uuid_utils.compat import uuid7

__all__ = ["expiry_command_id", "new_id"]

_EXPIRY = UUID("6f1c1f0a-6a1e-4a70-9d5b-2d8b1f6f3c10")


def new_id() -> UUID:
    """A new UUIDv7."""
    return uuid7()


def expiry_command_id(reservation_id: UUID, version: int) -> UUID:
    """The one command id under which any server expires this state of a hold: two servers, one effect."""
    return uuid5(_EXPIRY, f"{reservation_id}:{version}")
