"""Reading the copy: products by their codes, prices, stock rows, and the steps that explain one."""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from msgspec import Struct, json

from backend.model.barcode import DamagedBarcode
from backend.model.price_lists import ListPrice, effective_price
from backend.model.scans import Mask, Scan, read_scan
from backend.model.stock import Change, StockRow
from backend.model.unit_price import UnitPrice
from backend.terminal.values import Product

from .writing import Cause

_COUNTERS = "on_hand, unavailable, allocated, reserved, incoming, version"
_PRODUCTS = """
SELECT p.number, p.id, p.sku, p.name, p.price_cents, p.price_per, p.unit, p.package_size,
    (SELECT b.barcode FROM barcodes b WHERE b.number = p.number ORDER BY b.quantity, b.barcode LIMIT 1)
FROM products p WHERE p.number IN (SELECT value FROM json_each(?))
"""


class Coded(Struct, frozen=True):
    """A product found by a code of it. `pack_quantity` says how many units the code means; `scan` what else it says."""

    product: Product
    scan: Scan | None = None


class Step(Struct, frozen=True):
    """A stock row after something happened to it, and what that changed.

    `change` is None where the step before is not known, and `cause` where no event told of it.
    """

    row: StockRow
    at: datetime
    change: Change | None
    cause: Cause | None


def by_code(db: sqlite3.Connection, store_id: str, code: str, masks: Sequence[Mask], at: datetime) -> Coded | None:
    """Returns the product with a barcode, of a unit or of a pack, else the one with an SKU or an id."""
    typed = code.strip()
    try:
        scan = read_scan(typed, masks)
    except DamagedBarcode:
        scan = None
    for key in dict.fromkeys([typed, *(scan.keys if scan else ())]):
        found = db.execute("SELECT number, quantity FROM barcodes WHERE barcode = ?", (key,)).fetchone()
        if found:
            [product] = products(db, store_id, [found[0]], at, quantity=found[1])
            return Coded(product, scan if scan and scan.says_more else None)
    for column, key in (("sku", typed), ("sku", typed.upper()), ("id", typed)):
        found = db.execute(f"SELECT number FROM products WHERE {column} = ?", (key,)).fetchone()
        if found:
            return Coded(products(db, store_id, [found[0]], at)[0])
    return None


def products(
    db: sqlite3.Connection, store_id: str, numbers: Sequence[int], at: datetime, *, quantity: int = 1
) -> list[Product]:
    """Returns products in the order of their numbers, with what they cost in the store at a moment."""
    wanted = json.encode(numbers).decode()
    lists: dict[int, list[ListPrice]] = {}
    for number, store, valid_from, cents, per in db.execute(
        "SELECT * FROM prices WHERE number IN (SELECT value FROM json_each(?))", (wanted,)
    ):
        lists.setdefault(number, []).append(ListPrice(store, datetime.fromisoformat(valid_from), cents, per))
    found = {}
    for number, product_id, sku, name, cents, per, unit, size, barcode in db.execute(_PRODUCTS, (wanted,)):
        here = effective_price(UnitPrice(cents, per), lists.get(number, ()), store_id, at)
        found[number] = Product(
            product_id,
            sku,
            name,
            _money(cents),
            barcode,
            size,
            quantity,
            price_per=per,
            unit=unit,
            store_price=_money(here.cents),
            store_price_per=here.per,
        )
    return [found[number] for number in numbers if number in found]


def number_of(db: sqlite3.Connection, product_id: str) -> int | None:
    """Returns the number of a product."""
    found = db.execute("SELECT number FROM products WHERE id = ?", (product_id,)).fetchone()
    return int(found[0]) if found else None


def stock_of(db: sqlite3.Connection, store_id: str, product_ids: Sequence[str]) -> dict[str, tuple[StockRow, float]]:
    """Returns stock rows by product, each with the moment it was written, in Unix time."""
    rows = db.execute(
        f"SELECT product_id, {_COUNTERS}, at FROM stock WHERE product_id IN (SELECT value FROM json_each(?))",
        (json.encode(product_ids).decode(),),
    )
    return {row[0]: (StockRow(store_id, *row[:-1]), row[-1]) for row in rows}


def steps_of(db: sqlite3.Connection, store_id: str, product_id: str) -> list[Step]:
    """Returns what is known of how a stock row came about, the last first."""
    rows = db.execute(
        "SELECT on_hand, unavailable, allocated, reserved, incoming, version, at, cause FROM steps"
        " WHERE product_id = ? ORDER BY version",
        (product_id,),
    )
    steps: list[Step] = []
    for *counters, at, cause in rows:
        row = StockRow(store_id, product_id, *counters)
        version = row.version
        before = steps[-1].row if steps and steps[-1].row.version == version - 1 else None
        if version == 1:
            before = StockRow(store_id, product_id)
        steps.append(
            Step(
                row,
                datetime.fromisoformat(at).astimezone(UTC),
                _change(before, row) if before else None,
                json.decode(cause, type=Cause) if cause else None,
            )
        )
    return steps[::-1]


def _change(before: StockRow, after: StockRow) -> Change:
    return Change(*(getattr(after, name) - getattr(before, name) for name in Change._fields))


def _money(cents: int) -> Decimal:
    return Decimal(cents) / 100
