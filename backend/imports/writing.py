"""Writes the shop's data into CSV files that `import_file` takes back: all of one moment, by the same columns."""

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.engine import Database
from backend.database.errors import translated
from backend.database.tables import barcodes, levels, prices, products, stock, stores, user_stores, users
from backend.private_files import open_private

from .columns import COLUMNS, Column
from .reading import Progress

_PAGE = 5_000
_LEVELS = ("safety_stock", "reorder_point", "reorder_quantity", "min_level", "max_level")
_leveled = and_(levels.c.store_id == stock.c.store_id, levels.c.product_id == stock.c.product_id)
_STORES_OF: Select[Any] = select(user_stores.c.user_name, user_stores.c.store_id).order_by(user_stores.c.store_id)
_ROWS: Mapping[str, Select[Any]] = {
    "stores": select(stores.c.id, stores.c.name).order_by(stores.c.id),
    "users": select(users.c.name, users.c.display_name, users.c.role, users.c.pin_hash).order_by(users.c.name),
    "products": select(products).order_by(products.c.sku),
    "barcodes": select(barcodes, products.c.sku).join(products).order_by(barcodes.c.barcode),
    "prices": select(prices, products.c.sku)
    .join(products)
    .order_by(prices.c.store_id, products.c.sku, prices.c.valid_from),
    # Levels are written with their stock row, so each of them has one; a row without levels has empty cells.
    "stock": select(
        stock.c.store_id,
        products.c.sku,
        stock.c.on_hand,
        *(levels.c[name] for name in _LEVELS),
    )
    .join(products, products.c.id == stock.c.product_id)
    .outerjoin(levels, _leveled)
    .order_by(stock.c.store_id, products.c.sku),
}


async def export_files(db: Database, files: Mapping[str, Path], progress: Progress) -> dict[str, int]:
    """Write each kind of `files` to its path, all from one snapshot; returns how many rows each has.

    The files are their owner's only, and appear when they are whole. Raises OSError, DatabaseAway and its like.
    """
    written: dict[str, int] = {}
    with translated(db.url):
        async with db.snapshot.begin() as connection:
            for kind, path in files.items():
                part = path.with_name(f"{path.name}.part")
                part.unlink(missing_ok=True)
                try:
                    written[kind] = await _export(connection, kind, part, progress)
                    part.replace(path)
                finally:
                    part.unlink(missing_ok=True)
    return written


async def _export(connection: AsyncConnection, kind: str, path: Path, progress: Progress) -> int:
    total = await connection.scalar(select(func.count()).select_from(_ROWS[kind].order_by(None).subquery())) or 0
    value_of = await _reader(connection, kind)
    columns = COLUMNS[kind]
    done = 0
    with open_private(path, "wb") as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
        out = csv.writer(text, lineterminator="\n")
        out.writerow([column.name for column in columns])
        async with connection.stream(_ROWS[kind].execution_options(yield_per=_PAGE)) as rows:
            async for page in rows.partitions(_PAGE):
                for row in page:
                    out.writerow([_cell(column, value_of(row, column.value)) for column in columns])
                done += len(page)
                progress(kind, done, total)
    progress(kind, total, total)
    return done


async def _reader(connection: AsyncConnection, kind: str) -> Callable[[Any, str], object]:
    """Returns what reads a value of a row by its name. A person's stores are in rows of their own; a PIN is nowhere."""
    if kind != "users":
        return getattr
    workplaces: dict[str, list[str]] = {}
    for name, store_id in await connection.execute(_STORES_OF):
        workplaces.setdefault(name, []).append(store_id)

    def value(row: Any, name: str) -> object:
        if name == "stores":
            return workplaces.get(row.name, [])
        return "" if name == "pin" else getattr(row, name)

    return value


def _cell(column: Column, value: object) -> str:
    return "" if value is None and not column.tells_none else column.show(value)
