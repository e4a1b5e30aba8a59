"""Holds: units kept for somebody until a deadline. A hold ends exactly once."""

from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""The deadline of a hold that no deadline ends: an allotment of a terminal, see `model.allotments`."""


class Status(StrEnum):
    """PENDING becomes exactly one of the other three."""

    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class HeldLine(Struct, frozen=True):
    """Units of one product in a hold; `confirmed` is how many of them were handed over when it ended."""

    product_id: str
    quantity: int
    confirmed: int = 0


class Reservation(Struct, frozen=True):
    """A hold of one or more products in one store; its id is the id of the command that made it."""

    id: UUID
    store_id: str
    status: Status
    lines: tuple[HeldLine, ...]
    """At most one line per product."""
    expires_at: datetime
    customer_id: str
    actor: str
    terminal_id: str
    created_at: datetime
    updated_at: datetime
    version: int = 1
    """Grows with every change of the hold; a writer that saw another version lost the race."""

    def is_live(self, now: datetime) -> bool:
        """Returns whether the hold still counts: pending, and its deadline not reached."""
        return self.status is Status.PENDING and now < self.expires_at

    @property
    def is_allotment(self) -> bool:
        """Whether it is kept for a terminal, and not for a customer."""
        return self.expires_at == NEVER
