"""One line of a sale: what the clerk wants of a product, and what the server keeps for it.

Time is this terminal's monotonic clock in seconds. A hold's deadline is counted from the moment its command was first
sent, so it ends here never later than on the server, whatever the two clocks say.
"""

from enum import StrEnum
from uuid import UUID

from msgspec import UNSET, Struct

from backend.model.commands import SaleLine
from backend.model.verbs.cancel import Cancel
from backend.model.verbs.extend import Extend
from backend.model.verbs.reserve import Reserve

from .values import Product

SOON = 0.5
"""Seconds in which an answer normally comes; only then is it worth saying that more units are being asked for."""


class Hold(Struct, frozen=True):
    """Units the server keeps for a line until `deadline`."""

    id: UUID
    quantity: int
    deadline: float

    def is_live(self, now: float) -> bool:
        """Returns whether the units are still kept."""
        return now < self.deadline


class Sent(Struct, frozen=True):
    """A command on its way, and when it first left."""

    command: Reserve | Cancel | Extend
    at: float


class Short(Struct, frozen=True):
    """The server had fewer units than a line asked for."""

    requested: int
    available: int


class State(StrEnum):
    """What a line's units are: kept, being asked for, no longer kept, or not there."""

    HELD = "held"
    KEPT = "kept"
    """This terminal's own allotment has them."""
    HOLDING = "holding"
    EXPIRED = "expired"
    SHORT = "short"


class KeptLine(Struct, frozen=True):
    """A line as the terminal's file has it, to be taken up again after the terminal died."""

    product: Product
    quantity: int
    """0: it was voided, and its units are still to be given back."""
    place: int
    hold: UUID | None = None
    held: int = 0
    """Units of the hold."""
    asked: Reserve | None = None
    """The hold that was being asked for: only the server knows whether it was made."""


class CartLine(Struct):
    """One product of the sale. `quantity` is what the clerk wants; 0 means the line was voided and is leaving."""

    product: Product
    quantity: int
    hold: Hold | None = None
    sent: Sent | None = None
    short: Short | None = None
    again: bool = False
    """The clerk asked to hold again what expired."""
    covered: int = 0
    """Units that this terminal's allotment gives, since the server had no others."""

    @property
    def to_hold(self) -> int:
        """Units that a hold is needed for."""
        return self.quantity - self.covered

    def kept(self, place: int) -> KeptLine:
        """Returns the line as it is to be kept on disk."""
        asked = self.sent.command if self.sent and isinstance(self.sent.command, Reserve) else None
        hold = self.hold
        return KeptLine(
            self.product, self.quantity, place, hold.id if hold else None, hold.quantity if hold else 0, asked
        )

    @property
    def total_cents(self) -> int:
        """Price of all its units."""
        return self.product.unit_price.of(self.quantity)

    @property
    def sold(self) -> SaleLine:
        """The line as a sale has it; what an old server does not know is left out where it says nothing."""
        price = self.product.unit_price
        per = UNSET if price.per == 1 else price.per
        return SaleLine(self.product.id, self.quantity, price.cents, price_per=per)

    def state(self, now: float) -> State:
        """Returns what to tell the clerk about its units."""
        if self.short is not None:
            return State.SHORT
        if self.covered and not self.to_hold:
            return State.KEPT
        asked_at = self.sent.at if self.sent and isinstance(self.sent.command, Reserve) else None
        if self.hold is None:
            return State.HOLDING
        if not self.hold.is_live(now):
            return State.HOLDING if self.again or asked_at is not None else State.EXPIRED
        slow = asked_at is not None and now - asked_at > SOON
        return State.HOLDING if slow and self.hold.quantity < self.to_hold else State.HELD
