"""How answers show holds."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from backend.model.reservations import HeldLine, Reservation


class ReservationShape(Struct, frozen=True):
    """A hold. `product_id` is null when it holds several products; `quantity` is the units of all `lines`."""

    id: UUID
    product_id: str | None
    store_id: str
    customer_id: str
    quantity: int
    status: str
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    lines: tuple[HeldLine, ...]
    version: int

    @classmethod
    def of(cls, hold: Reservation) -> "ReservationShape":
        """Returns `hold` as the wire shows it."""
        return cls(
            hold.id,
            hold.lines[0].product_id if len(hold.lines) == 1 else None,
            hold.store_id,
            hold.customer_id,
            sum(line.quantity for line in hold.lines),
            hold.status,
            hold.expires_at,
            hold.created_at,
            hold.updated_at,
            hold.lines,
            hold.version,
        )
