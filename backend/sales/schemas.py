"""How answers show sales. Money is a JSON number."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from backend.model.answers import SaleRecord
from backend.model.commands import SaleLine
from backend.model.stock import StockRow
from backend.stock.schemas import CountersShape

from .queries import Sale


class SaleLineShape(Struct, frozen=True):
    """Units of one product in a sale."""

    product_id: str
    quantity: int
    unit_price: float


class SaleShape(Struct, frozen=True):
    """A finished sale; `actor` sold it at `terminal_id`."""

    id: UUID
    store_id: str
    receipt_number: str
    terminal_id: str
    actor: str
    total: float
    sold_at: datetime
    lines: tuple[SaleLineShape, ...]

    @classmethod
    def of(cls, sale: Sale) -> "SaleShape":
        """`sale` as the wire shows it."""
        return cls(
            sale.id,
            sale.store_id,
            sale.receipt_number,
            sale.terminal_id,
            sale.actor,
            sale.total_cents / 100,
            sale.sold_at,
            _sold(sale.lines),
        )


class NewSaleShape(Struct, frozen=True):
    """A sale that was just made, and the stock it left."""

    id: UUID
    store_id: str
    receipt_number: str
    total: float
    sold_at: datetime
    lines: tuple[SaleLineShape, ...]
    stock: tuple[CountersShape, ...]

    @classmethod
    def of(cls, record: SaleRecord, lines: tuple[SaleLine, ...], stock: tuple[StockRow, ...]) -> "NewSaleShape":
        """`record` as the wire shows it."""
        return cls(
            record.id,
            record.store_id,
            record.receipt_number,
            record.total_cents / 100,
            record.sold_at,
            _sold(lines),
            tuple(map(CountersShape.of, stock)),
        )


def _sold(lines: tuple[SaleLine, ...]) -> tuple[SaleLineShape, ...]:
    return tuple(SaleLineShape(x.product_id, x.quantity, x.price_cents / 100) for x in lines)
