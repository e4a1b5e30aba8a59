"""How answers show stock."""

from datetime import datetime

from msgspec import Struct

from backend.model.stock import StockRow

from .queries import StockLevel


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
    incoming_qty: int

    @classmethod
    def of(cls, row: StockRow) -> "CountersShape":
        """Returns `row` as the wire shows it."""
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
        """Returns `level` as the wire shows it."""
        names = (level.product_name, level.product_sku, level.store_name)
        of = level.levels
        wanted = (of.min_level, of.max_level, of.reorder_point, of.reorder_quantity, of.safety_stock)
        return cls(*counters(level.row), level.updated_at, *names, *wanted)


def counters(row: StockRow) -> tuple[str, str, int, int, int, int, int, int, int]:
    """Returns the wire's view of a row's counters, in the order of CountersShape."""
    return (
        row.product_id,
        row.store_id,
        row.on_hand,
        row.reserved,
        row.available,
        row.unavailable,
        row.allocated,
        row.version,
        row.incoming,
    )
