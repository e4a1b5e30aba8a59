"""What the ledger answers: accepted with the new state, or refused with a code and every line that is short."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from .allotments import Allotment, Draw
from .documents import Document
from .limits import Limits
from .reservations import Reservation
from .stock import Levels, StockRow


class Code(StrEnum):
    """Stable names of refusals; faces translate the sentence, never the code."""

    INSUFFICIENT_STOCK = "insufficient_stock"
    INVALID_QUANTITY = "invalid_quantity"
    EMPTY_BASKET = "empty_basket"
    UNKNOWN_STORE = "unknown_store"
    UNKNOWN_PRODUCT = "unknown_product"
    UNKNOWN_RESERVATION = "unknown_reservation"
    RESERVATION_ENDED = "reservation_ended"
    RESERVATION_NOT_DUE = "reservation_not_due"
    VERSION_MOVED = "version_moved"
    SAME_STORE = "same_store"
    UNKNOWN_DOCUMENT = "unknown_document"
    WRONG_STATUS = "wrong_status"
    MORE_THAN_OPEN = "more_than_open"
    GOODS_IN_FLIGHT = "goods_in_flight"
    ITEM_KNOWN = "item_known"
    APPROVAL_NEEDED = "approval_needed"
    NOT_COUNTED = "not_counted"
    COMMAND_REUSED = "command_reused"
    COMMAND_TOO_OLD = "command_too_old"
    RECEIPT_TAKEN = "receipt_taken"
    SEQUENCE_TAKEN = "sequence_taken"
    UNKNOWN_SALE = "unknown_sale"
    MONEY_MISMATCH = "money_mismatch"
    MORE_THAN_SOLD = "more_than_sold"
    REFUND_TOO_HIGH = "refund_too_high"
    SALE_RETURNED = "sale_returned"
    VOID_TOO_LATE = "void_too_late"
    SHIFT_OPEN = "shift_open"
    NOT_RECORDED = "not_recorded"
    STORE_NOT_ALLOWED = "store_not_allowed"
    SCOPE_MISSING = "scope_missing"
    PRICE_NOT_ALLOWED = "price_not_allowed"
    REASON_NOT_ALLOWED = "reason_not_allowed"
    OWN_APPROVAL = "own_approval"
    COMMAND_NOT_APPROVABLE = "command_not_approvable"
    TERMINAL_NEEDED = "terminal_needed"
    ALLOTMENT_TOO_LARGE = "allotment_too_large"


class ShortLine(Struct, frozen=True):
    """A product of which more was asked than could be given."""

    product_id: str
    requested: int
    available: int


class OtherPrice(Struct, frozen=True, omit_defaults=True):
    """A line of a sale, counted from 0, that was to be sold at another price than the catalogue's."""

    line: int
    product_id: str
    asked_cents: int
    price_cents: int
    """The catalogue's."""
    asked_per: int = 1
    """Units that `asked_cents` is for."""
    price_per: int = 1
    """Units that `price_cents` is for."""


class Refusal(Struct, frozen=True, omit_defaults=True):
    """Why a command had no effect. `lines` lists every short line, `state` is a final state.

    `stock` is the row that is not at the version its sender expected, `prices` are those that are not the catalogue's,
    `limits` are those of the store above which a command waits for approval.
    """

    code: Code
    message: str
    lines: tuple[ShortLine, ...] = ()
    state: str = ""
    field: str = ""
    stock: StockRow | None = None
    prices: tuple[OtherPrice, ...] = ()
    limits: Limits | None = None


class SaleRecord(Struct, frozen=True):
    """A finished sale; its id is its command's."""

    id: UUID
    store_id: str
    receipt_number: str
    total_cents: int
    sold_at: datetime


class Answer(Struct, frozen=True, omit_defaults=True):
    """The one answer of a command id; the same id again gets the same answer.

    `stock` holds the state after this command of every row it changed, `levels` those it set. `at` is when an adjust, a
    set_stock or a transfer was decided; holds and sales have their own times.
    """

    id: UUID
    refusal: Refusal | None = None
    stock: tuple[StockRow, ...] = ()
    reservation: Reservation | None = None
    sale: SaleRecord | None = None
    levels: Levels | None = None
    at: datetime | None = None
    documents: tuple[Document, ...] = ()
    """The documents that it opened or stepped, as they are after it."""
    allotment: Allotment | None = None
    """The allotment that it made or renewed."""
    draws: tuple[Draw, ...] = ()
    """The units of a sale that came out of allotments."""

    @property
    def accepted(self) -> bool:
        """Whether the command took effect."""
        return self.refusal is None
