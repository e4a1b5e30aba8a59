"""What all commands are made of. A command names one store, is all or nothing, and carries the id its sender made.

Each verb declares its own command in `backend.model.verbs`. The `type` tag is the wire name: the same structs are
decoded from HTTP bodies. The limits in the annotations are checked when a command is decoded; `decide` checks again
what the invariants rest on, for commands made in code.
"""

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from .text import LINE
from .unit_price import PricePer, UnitPrice

MAX_QUANTITY = 1_000_000
"""Units in one line. A larger number at a counter is a barcode scanned into the wrong box."""
MAX_LINES = 500
MAX_TTL_SECONDS = 30 * 24 * 3600

Text = Annotated[str, Meta(max_length=200, pattern=LINE)]
StoreId = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")]
ProductId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$(?!\n)")]
Quantity = Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
Count = Annotated[int, Meta(ge=0, le=MAX_QUANTITY)]
"""Units that may also be none: what lies on a shelf, a level."""
Change = Annotated[int, Meta(ge=-MAX_QUANTITY, le=MAX_QUANTITY)]
Cents = Annotated[int, Meta(ge=0, le=100_000_000)]
"""Money in the smallest unit of the chain's currency."""
Ttl = Annotated[int, Meta(ge=1, le=MAX_TTL_SECONDS)]


Reason = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE)]
"""Why somebody did something, in their own words or as a code."""
ReceiptNumber = Annotated[str, Meta(max_length=40, pattern=r"^[A-Za-z0-9/_-]*$(?!\n)")]


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """Some units of one product."""

    product_id: ProductId
    quantity: Quantity


class Tax(Struct, frozen=True, forbid_unknown_fields=True):
    """The tax of a whole line."""

    rate_bp: Annotated[int, Meta(ge=0, le=10_000)]
    """In hundredths of a percent: 2100 is 21 %."""
    amount_cents: Cents
    included: bool = True
    """Whether it is a part of the price; else it is added to it."""


class LinePricing(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How the price of a line came about."""

    list_price_cents: Cents | None = None
    """What the line's price would be without a discount."""
    discount_reason: Text = ""
    tax: Tax | None = None


class SaleLine(Struct, frozen=True, forbid_unknown_fields=True):
    """Some units of one product at `price_cents` a unit, or per `price_per` units."""

    product_id: ProductId
    quantity: Quantity
    price_cents: Cents
    pricing: LinePricing | UnsetType = UNSET
    """Left out of the JSON when unset, as `Sell.price_reason` is."""
    price_per: PricePer | UnsetType = UNSET
    """Likewise; unset is 1."""

    @property
    def price(self) -> UnitPrice:
        """What its units cost."""
        return UnitPrice(self.price_cents, self.price_per or 1)

    @property
    def amount_cents(self) -> int:
        """What all its units cost, rounded once; without a tax that is added to it."""
        return self.price.of(self.quantity)


Lines = Annotated[tuple[Line, ...], Meta(min_length=1, max_length=MAX_LINES)]
SaleLines = Annotated[tuple[SaleLine, ...], Meta(min_length=1, max_length=MAX_LINES)]


class Command(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    """Something to be done to the stock of one store."""

    id: UUID
    """Made by the sender (UUIDv7). Sent again it has no second effect and gets the first answer."""
    store_id: StoreId


def kind_of(command: Command) -> str:
    """Returns the wire name of the command's verb."""
    tag = command.__struct_config__.tag
    assert isinstance(tag, str)
    return tag
