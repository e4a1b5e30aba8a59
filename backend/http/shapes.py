"""The shapes of answers: what the wire shows of stock, products, holds and sales. Money is a JSON number."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from backend.catalogue.search_queries import Product
from backend.model.answers import SaleRecord
from backend.model.commands import SaleLine
from backend.model.reservations import HeldLine, Reservation
from backend.model.stock import StockRow
from backend.sales.queries import Sale
from backend.stock.queries import StockLevel


class StoreShape(Struct, frozen=True):
    """A store, as a list shows it."""

    id: str
    name: str


class CountersShape(Struct, frozen=True):
    """The counters of one stock row; `quantity` is what is on hand."""

    product_id: str
    store_id: str
    quantity: int
    reserved_qty: int
    available_qty: int
    unavailable_qty: int
    allocated_qty: int
    version: int

    @classmethod
    def of(cls, row: StockRow) -> "CountersShape":
        """`row` as the wire shows it."""
        return cls(*counters(row))


class StockShape(CountersShape, frozen=True):
    """Stock as it is now, with its names and levels; `last_updated` is null for what never moved in the store."""

    last_updated: datetime | None
    product_name: str
    product_sku: str
    store_name: str
    min_stock: int
    max_stock: int
    reorder_point: int
    reorder_qty: int
    safety_stock: int

    @classmethod
    def at(cls, level: StockLevel) -> "StockShape":
        """`level` as the wire shows it."""
        names = (level.product_name, level.product_sku, level.store_name)
        of = level.levels
        wanted = (of.min_level, of.max_level, of.reorder_point, of.reorder_quantity, of.safety_stock)
        return cls(*counters(level.row), level.updated_at, *names, *wanted)


class ProductShape(Struct, frozen=True, omit_defaults=True):
    """A product of the catalogue; with `stock` when a store was named, with `pack_quantity` when a barcode was."""

    id: str
    sku: str
    barcode: str | None
    name: str
    description: str
    department: str
    category: str
    brand: str
    package_size: str
    price: float
    created_at: datetime
    updated_at: datetime
    version: int
    stock: StockShape | None = None
    pack_quantity: int | None = None

    @classmethod
    def of(cls, product: Product, stock: StockShape | None = None, pack_quantity: int | None = None) -> "ProductShape":
        """`product` as the wire shows it."""
        return cls(
            product.id,
            product.sku,
            product.barcode,
            product.name,
            product.description,
            product.department,
            product.category,
            product.brand,
            product.package_size,
            product.price_cents / 100,
            product.created_at,
            product.updated_at,
            product.version,
            stock,
            pack_quantity,
        )


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
        """`hold` as the wire shows it."""
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


def counters(row: StockRow) -> tuple[str, str, int, int, int, int, int, int]:
    """The wire's view of a row's counters, in the order of CountersShape."""
    return (
        row.product_id,
        row.store_id,
        row.on_hand,
        row.reserved,
        row.available,
        row.unavailable,
        row.allocated,
        row.version,
    )
