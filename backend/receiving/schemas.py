"""How answers show purchases and receipts. Money is a JSON number."""

from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from backend.model.documents import Document
from backend.model.purchases import PurchaseBody, ReceiptBody, UnknownItem
from backend.model.steps import DocumentStep


class PurchaseLineShape(Struct, frozen=True):
    """One product of a purchase, in units: `expected - short = received + damaged - over`."""

    product_id: str
    expected: int
    received: int
    """In order; `damaged` came too, and cannot be sold."""
    damaged: int
    short: int
    over: int
    unit_cost: float | None


class PurchaseShape(Struct, frozen=True, kw_only=True):
    """A purchase, what has come of it, and who did what to it when."""

    id: UUID
    store_id: str
    status: str
    supplier: str
    reference: str
    expected_on: date | None
    note: str
    lines: tuple[PurchaseLineShape, ...]
    unknown: tuple[UnknownItem, ...]
    steps: tuple[DocumentStep, ...]
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, purchase: Document) -> "PurchaseShape":
        """Returns `purchase` as the wire shows it."""
        body = purchase.read(PurchaseBody)
        return cls(
            id=purchase.id,
            store_id=purchase.store_id,
            status=purchase.status,
            supplier=body.supplier,
            reference=purchase.reference,
            expected_on=body.expected_on,
            note=body.note,
            lines=tuple(
                [
                    PurchaseLineShape(
                        x.product_id, x.expected, x.received, x.damaged, x.short, x.over, _money(x.cost_cents)
                    )
                    for x in body.lines
                ]
            ),
            unknown=body.unknown,
            steps=body.steps,
            created_at=purchase.created_at,
            updated_at=purchase.updated_at,
            version=purchase.version,
        )


class ReceiptLineShape(Struct, frozen=True):
    """What one delivery brought of one product."""

    product_id: str
    good: int
    damaged: int
    unit_cost: float | None


class ReceiptShape(Struct, frozen=True, kw_only=True):
    """A delivery; `purchase_id` is null for goods that nobody had announced."""

    id: UUID
    store_id: str
    purchase_id: UUID | None
    supplier: str
    reference: str
    note: str
    lines: tuple[ReceiptLineShape, ...]
    unknown: tuple[UnknownItem, ...]
    actor: str
    terminal_id: str
    received_at: datetime

    @classmethod
    def of(cls, receipt: Document) -> "ReceiptShape":
        """Returns `receipt` as the wire shows it."""
        body = receipt.read(ReceiptBody)
        return cls(
            id=receipt.id,
            store_id=receipt.store_id,
            purchase_id=body.purchase_id,
            supplier=body.supplier,
            reference=receipt.reference,
            note=body.note,
            lines=tuple([ReceiptLineShape(x.product_id, x.good, x.damaged, _money(x.cost_cents)) for x in body.lines]),
            unknown=body.unknown,
            actor=receipt.actor,
            terminal_id=receipt.terminal_id,
            received_at=receipt.created_at,
        )


class ReceivedShape(Struct, frozen=True):
    """A delivery of a purchase, and the purchase after it."""

    receipt: ReceiptShape
    purchase: PurchaseShape


class PurchasesShape(Struct, frozen=True):
    """A page of a store's purchases, latest change first. `count` is those of this page."""

    store_id: str
    purchases: list[PurchaseShape]
    count: int


class ReceiptsShape(Struct, frozen=True):
    """A page of a store's receipts, latest first. `count` is those of this page."""

    store_id: str
    receipts: list[ReceiptShape]
    count: int


def _money(cents: int | None) -> float | None:
    return None if cents is None else cents / 100
