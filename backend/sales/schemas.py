"""How answers show sales. Money is a JSON number."""

from datetime import datetime
from uuid import UUID

from msgspec import UNSET, Struct

from backend.model.answers import SaleRecord
from backend.model.commands import SaleLine
from backend.model.returns import ReturnedBody, ReturnedStatus
from backend.model.stock import StockRow
from backend.model.tenders import Tender
from backend.stock.schemas import CountersShape

from .queries import Sale
from .tenders import TenderShape


class TaxShape(Struct, frozen=True):
    """The tax of a whole line; `rate` is in percent. It is a part of the price, or added to it."""

    rate: float
    amount: float
    included: bool


class SaleLineShape(Struct, frozen=True, omit_defaults=True):
    """Units of one product in a sale; `returned` of them have come back."""

    product_id: str
    quantity: int
    unit_price: float
    list_price: float | None = None
    discount_reason: str = ""
    tax: TaxShape | None = None
    returned: int = 0
    price_per: int = 1
    """Units that `unit_price` is for."""


class SaleShape(Struct, frozen=True, omit_defaults=True):
    """A finished sale; `actor` sold it at `terminal_id`. `return_status` is there once something has come back."""

    id: UUID
    store_id: str
    receipt_number: str
    terminal_id: str
    actor: str
    total: float
    sold_at: datetime
    lines: tuple[SaleLineShape, ...]
    tenders: tuple[TenderShape, ...] = ()
    return_status: ReturnedStatus | None = None
    refunded: float = 0

    @classmethod
    def of(cls, sale: Sale) -> "SaleShape":
        """Returns `sale` as the wire shows it."""
        body = sale.returned.read(ReturnedBody) if sale.returned else None
        return cls(
            sale.id,
            sale.store_id,
            sale.receipt_number,
            sale.terminal_id,
            sale.actor,
            sale.total_cents / 100,
            sale.sold_at,
            _sold(sale.lines, body),
            tuple(map(TenderShape.of, sale.tenders)),
            ReturnedStatus(sale.returned.status) if sale.returned else None,
            body.refunded_cents / 100 if body else 0,
        )


class NewSaleShape(Struct, frozen=True, omit_defaults=True):
    """A sale that was just made, and the stock it left."""

    id: UUID
    store_id: str
    receipt_number: str
    total: float
    sold_at: datetime
    lines: tuple[SaleLineShape, ...]
    stock: tuple[CountersShape, ...]
    tenders: tuple[TenderShape, ...] = ()

    @classmethod
    def of(
        cls, record: SaleRecord, lines: tuple[SaleLine, ...], stock: tuple[StockRow, ...], tenders: tuple[Tender, ...]
    ) -> "NewSaleShape":
        """Returns `record` as the wire shows it."""
        return cls(
            record.id,
            record.store_id,
            record.receipt_number,
            record.total_cents / 100,
            record.sold_at,
            _sold(lines),
            tuple(map(CountersShape.of, stock)),
            tuple(map(TenderShape.of, tenders)),
        )


def _sold(lines: tuple[SaleLine, ...], returned: ReturnedBody | None = None) -> tuple[SaleLineShape, ...]:
    back = [line.returned for line in returned.lines] if returned else [0] * len(lines)
    return tuple(map(_line, lines, back))


def _line(line: SaleLine, returned: int) -> SaleLineShape:
    head = (line.product_id, line.quantity, line.price_cents / 100)
    if (pricing := line.pricing) is UNSET:
        return SaleLineShape(*head, returned=returned, price_per=line.price.per)
    asked, tax = pricing.list_price_cents, pricing.tax
    return SaleLineShape(
        *head,
        None if asked is None else asked / 100,
        pricing.discount_reason,
        TaxShape(tax.rate_bp / 100, tax.amount_cents / 100, tax.included) if tax else None,
        returned,
        line.price.per,
    )
