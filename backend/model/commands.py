"""What can be asked of the ledger. A command names one store, is all or nothing, and carries the id its sender made.

The `type` tag is the wire name: the same structs are decoded from HTTP bodies. The limits in the annotations are
checked when a command is decoded; `decide` checks again what the invariants rest on, for commands made in code.
"""

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

MAX_QUANTITY = 1_000_000
"""Units in one line. A larger number at a counter is a barcode scanned into the wrong box."""
MAX_LINES = 500
MAX_TTL_SECONDS = 30 * 24 * 3600

# `$` alone would let a newline through at the end.
Text = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")]
Reason = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")]
StoreId = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")]
ProductId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$(?!\n)")]
Quantity = Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
Count = Annotated[int, Meta(ge=0, le=MAX_QUANTITY)]
"""Units that may also be none: what lies on a shelf, a level."""
Change = Annotated[int, Meta(ge=-MAX_QUANTITY, le=MAX_QUANTITY)]
Cents = Annotated[int, Meta(ge=0, le=100_000_000)]
"""Money in the smallest unit of the chain's currency."""
Ttl = Annotated[int, Meta(ge=1, le=MAX_TTL_SECONDS)]


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """Some units of one product."""

    product_id: ProductId
    quantity: Quantity


class SaleLine(Struct, frozen=True, forbid_unknown_fields=True):
    """Some units of one product at `price_cents` a unit."""

    product_id: ProductId
    quantity: Quantity
    price_cents: Cents


Lines = Annotated[tuple[Line, ...], Meta(min_length=1, max_length=MAX_LINES)]
SaleLines = Annotated[tuple[SaleLine, ...], Meta(min_length=1, max_length=MAX_LINES)]


class _Command(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    id: UUID
    """Made by the sender (UUIDv7). Sent again it has no second effect and gets the first answer."""
    store_id: StoreId


class Receive(_Command, frozen=True, tag="receive"):
    """Goods enter the store."""

    lines: Lines
    document_id: Text = ""


class Adjust(_Command, frozen=True, tag="adjust"):
    """Correct what is on hand by a signed number of units, for a reason."""

    product_id: ProductId
    adjustment: Change
    reason: Reason


class LevelChanges(Struct, frozen=True, forbid_unknown_fields=True):
    """New levels of a product in a store, see `stock.Levels`; what is None stays as it is."""

    safety_stock: Count | None = None
    reorder_point: Count | None = None
    reorder_quantity: Count | None = None
    min_level: Count | None = None
    max_level: Count | None = None


class SetStock(_Command, frozen=True, tag="set_stock"):
    """Say what is on hand, whatever was there before, or what the levels are, or both at once.

    With `expected_version` it is compare and set: only if the stock row is still at that version (0: never moved).
    """

    product_id: ProductId
    quantity: Count | None = None
    levels: LevelChanges | None = None
    expected_version: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    reason: Text = ""


class Transfer(_Command, frozen=True, tag="transfer"):
    """Goods leave this store for another one: both sides at once, or neither."""

    to_store_id: StoreId
    lines: Lines
    reason: Text = ""


class Sell(_Command, frozen=True, tag="sell"):
    """Goods leave the store for good. The holds named are ended and their units serve this sale first.

    `price_reason` says why a line has another price than the catalogue's.
    """

    lines: SaleLines
    holds: Annotated[tuple[UUID, ...], Meta(max_length=MAX_LINES)] = ()
    receipt_number: Annotated[str, Meta(max_length=40, pattern=r"^[A-Za-z0-9/_-]*$(?!\n)")] = ""
    price_reason: Reason | UnsetType = UNSET
    """Left out of the JSON when unset: a fingerprint, and a server of an older release, know the command without it."""


class Reserve(_Command, frozen=True, tag="reserve"):
    """Hold units for `ttl_seconds`. With `replaces`, that hold is ended and its units serve this one first."""

    lines: Lines
    ttl_seconds: Ttl
    customer_id: Text = ""
    replaces: UUID | None = None


class Confirm(_Command, frozen=True, tag="confirm"):
    """Hand over a hold: all of it, or only `lines`; what is not handed over is free again."""

    reservation_id: UUID
    lines: Annotated[tuple[Line, ...], Meta(max_length=MAX_LINES)] | None = None


class Cancel(_Command, frozen=True, tag="cancel"):
    """End a hold and free its units."""

    reservation_id: UUID


class Extend(_Command, frozen=True, tag="extend"):
    """Move a live hold's deadline to `ttl_seconds` from now."""

    reservation_id: UUID
    ttl_seconds: Ttl


class Expire(_Command, frozen=True, tag="expire"):
    """End a hold whose deadline has passed. Sent by the expiry loop, never by a client."""

    reservation_id: UUID


ClientCommand = Receive | Adjust | SetStock | Transfer | Sell | Reserve | Confirm | Cancel | Extend
Command = ClientCommand | Expire


def kind_of(command: Command) -> str:
    """The wire name of the command's type, which is also the kind of its movements (a transfer's are told apart)."""
    tag = command.__struct_config__.tag
    assert isinstance(tag, str)
    return tag
