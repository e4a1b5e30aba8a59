"""Receiving: what a supplier is to deliver, what has arrived of it, and what the store's papers say of each delivery.

A purchase (an order, or a supplier's advance notice) makes its expected units incoming. Receipts turn them into units
on hand; what is still incoming when it is closed or cancelled is given back. For each line, at every moment:
`expected - short = received + damaged - over`.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, structs

from .books import Books
from .commands import MAX_LINES, MAX_QUANTITY, Cents, Count, ProductId, Quantity
from .documents import Document, DocumentKind, Moved, Promise
from .refusals import Refused, bad_quantity, empty_lines, known_item, unknown, unknown_document
from .steps import DocumentStep
from .stock import Change
from .text import LINE


class PurchaseStatus(StrEnum):
    """How far a purchase has come. Nothing is incoming any more when it is RECEIVED, CLOSED or CANCELLED."""

    OPEN = "open"
    PARTLY_RECEIVED = "partly_received"
    RECEIVED = "received"
    CLOSED = "closed"
    """Nothing more will come, though not all has."""
    CANCELLED = "cancelled"
    """Nothing has come, and nothing will."""


AWAITED = (PurchaseStatus.OPEN, PurchaseStatus.PARTLY_RECEIVED)
RECEIPT_STATUS = "received"

Supplier = Annotated[str, Meta(min_length=1, max_length=100, pattern=LINE)]
ItemCode = Annotated[str, Meta(min_length=1, max_length=64, pattern=LINE)]


class ExpectedLine(Struct, frozen=True, forbid_unknown_fields=True):
    """Units of a product that are to come, and what one of them costs in cents."""

    product_id: ProductId
    quantity: Quantity
    cost_cents: Cents | None = None


class ReceivedLine(Struct, frozen=True, forbid_unknown_fields=True):
    """What came of one product; a cost that is not said is the one that was expected."""

    product_id: ProductId
    good: Count = 0
    damaged: Count = 0
    """Goes into the store, but not onto the shelf: on hand and unavailable."""
    cost_cents: Cents | None = None


class UnknownItem(Struct, frozen=True, forbid_unknown_fields=True):
    """Something that came and is not in the catalogue: it is written down, and moves no stock."""

    code: ItemCode
    quantity: Quantity
    note: Annotated[str, Meta(max_length=200, pattern=LINE)] = ""


ExpectedLines = Annotated[tuple[ExpectedLine, ...], Meta(min_length=1, max_length=MAX_LINES)]
ReceivedLines = Annotated[tuple[ReceivedLine, ...], Meta(max_length=MAX_LINES)]
UnknownItems = Annotated[tuple[UnknownItem, ...], Meta(max_length=MAX_LINES)]


class PurchaseLine(Struct, frozen=True):
    """One product of a purchase, in units; `expected` is 0 for what came without being ordered."""

    product_id: str
    expected: int
    cost_cents: int | None = None
    received: int = 0
    damaged: int = 0

    @property
    def arrived(self) -> int:
        """Units that are in the store, in order or not."""
        return self.received + self.damaged

    @property
    def short(self) -> int:
        """Units that were expected and have not come."""
        return max(self.expected - self.arrived, 0)

    @property
    def over(self) -> int:
        """Units that came beyond what was expected."""
        return max(self.arrived - self.expected, 0)


class PurchaseBody(Struct, frozen=True):
    """The body of a purchase's document."""

    supplier: str
    lines: tuple[PurchaseLine, ...]
    """One line per product."""
    steps: tuple[DocumentStep, ...]
    expected_on: date | None = None
    unknown: tuple[UnknownItem, ...] = ()
    note: str = ""


class ReceiptLine(Struct, frozen=True):
    """What one delivery brought of one product."""

    product_id: str
    good: int
    damaged: int
    cost_cents: int | None = None


class ReceiptBody(Struct, frozen=True):
    """The body of a goods receipt: one delivery. It never changes."""

    supplier: str
    lines: tuple[ReceiptLine, ...]
    purchase_id: UUID | None = None
    """The purchase that it belongs to; None for goods that nobody had announced."""
    unknown: tuple[UnknownItem, ...] = ()
    note: str = ""


def _promises(document: Document) -> Iterable[Promise]:
    if document.status in AWAITED:
        for line in document.read(PurchaseBody).lines:
            yield Promise(document.store_id, line.product_id, incoming=line.short)


def _moved(document: Document) -> Iterable[Moved]:
    store_id, over = document.store_id, document.status not in AWAITED
    for line in document.read(PurchaseBody).lines:
        came = Change(on_hand=line.arrived, unavailable=line.damaged, incoming=line.short - line.expected)
        yield Moved("purchase_due", store_id, line.product_id, Change(incoming=line.expected))
        yield Moved("purchase_receive", store_id, line.product_id, came)
        yield Moved("purchase_end", store_id, line.product_id, Change(incoming=-line.short if over else 0))


def _received(document: Document) -> Iterable[Moved]:
    body = document.read(ReceiptBody)
    if body.purchase_id is None:
        for line in body.lines:
            change = Change(on_hand=line.good + line.damaged, unavailable=line.damaged)
            yield Moved("goods_receipt", document.store_id, line.product_id, change)


PURCHASE = DocumentKind(
    "purchase",
    PurchaseBody,
    promises=_promises,
    moved=_moved,
    movements=("purchase_due", "purchase_receive", "purchase_end"),
)
RECEIPT = DocumentKind("goods_receipt", ReceiptBody, moved=_received, movements=("goods_receipt",))


def find_purchase(books: Books, store_id: str, purchase_id: UUID) -> tuple[Document, PurchaseBody]:
    """Returns the store's purchase and its body. Raises Refused if there is none."""
    document = books.documents.get(purchase_id)
    if document is None or document.kind != PURCHASE.name or document.store_id != store_id:
        raise Refused(unknown_document(PURCHASE.name, purchase_id))
    return document, document.read(PurchaseBody)


def products_of(document: Document | None) -> list[str]:
    """Returns the products of a purchase; none for what is not a purchase."""
    if document is None or document.kind != PURCHASE.name:
        return []
    return [line.product_id for line in document.read(PurchaseBody).lines]


def expected(lines: Iterable[ExpectedLine]) -> tuple[PurchaseLine, ...]:
    """Returns one line per product. Raises Refused for no line, and for a product with two costs."""
    by_product: dict[str, PurchaseLine] = {}
    for line in lines:
        if not 1 <= line.quantity <= MAX_QUANTITY:
            raise Refused(bad_quantity("quantity", f"must be from 1 to {MAX_QUANTITY}"))
        before = by_product.get(line.product_id) or PurchaseLine(line.product_id, 0, line.cost_cents)
        if before.cost_cents != line.cost_cents:
            raise Refused(bad_quantity("cost_cents", f"of {line.product_id} is not the same in all its lines"))
        by_product[line.product_id] = structs.replace(before, expected=before.expected + line.quantity)
    if not by_product:
        raise Refused(empty_lines())
    return tuple(by_product.values())


def received(lines: Iterable[ReceivedLine], costs: Mapping[str, int | None]) -> tuple[ReceiptLine, ...]:
    """Returns one line per product that came; `costs` are those that were expected. Raises Refused for a bad number."""
    by_product: dict[str, ReceiptLine] = {}
    for line in lines:
        for name in ("good", "damaged"):
            if not 0 <= getattr(line, name) <= MAX_QUANTITY:
                raise Refused(bad_quantity(name, f"must be from 0 to {MAX_QUANTITY}"))
        if not line.good + line.damaged:
            continue
        cost = costs.get(line.product_id) if line.cost_cents is None else line.cost_cents
        before = by_product.get(line.product_id) or ReceiptLine(line.product_id, 0, 0, cost)
        if before.cost_cents != cost:
            raise Refused(bad_quantity("cost_cents", f"of {line.product_id} is not the same in all its lines"))
        by_product[line.product_id] = structs.replace(
            before, good=before.good + line.good, damaged=before.damaged + line.damaged
        )
    return tuple(by_product.values())


def ensure_unknown(books: Books, store_id: str, items: Iterable[UnknownItem]) -> None:
    """Raises Refused for an item that is in the catalogue under its code: that one is received, not written down."""
    for item in items:
        if store_id not in books.stores:
            raise Refused(unknown(books, store_id, item.code))
        if (store_id, item.code) in books.stock:
            raise Refused(known_item(item.code))


def added(lines: Iterable[PurchaseLine], receipt: Iterable[ReceiptLine]) -> tuple[PurchaseLine, ...]:
    """Returns the lines of a purchase after a receipt; what nobody had ordered gets a line of its own."""
    by_product = {line.product_id: line for line in lines}
    for came in receipt:
        line = by_product.get(came.product_id) or PurchaseLine(came.product_id, 0, came.cost_cents)
        by_product[came.product_id] = structs.replace(
            line, received=line.received + came.good, damaged=line.damaged + came.damaged
        )
    return tuple(by_product.values())
