"""What people pay with, and what they get back."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from .commands import Text

Amount = Annotated[int, Meta(ge=1, le=100_000_000_000)]
"""Money that changes hands, in cents."""


class TenderKind(StrEnum):
    """What people pay with."""

    CASH = "cash"
    CARD = "card"
    VOUCHER = "voucher"
    OTHER = "other"


class Tender(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Some money that was paid, or given back."""

    kind: TenderKind
    amount_cents: Amount
    given_cents: Amount | None = None
    """The cash that was handed over; what is more than the amount is the change."""
    reference: Text = ""
    """Of the card's receipt, the voucher's number."""

    @property
    def change_cents(self) -> int:
        """What the customer got back of the cash that they handed over."""
        return 0 if self.given_cents is None else self.given_cents - self.amount_cents


Tenders = Annotated[tuple[Tender, ...], Meta(max_length=20)]
CashCount = Annotated[int, Meta(ge=0, le=100_000_000_000)]
"""Cash that was counted, in cents; there may be none."""
