"""Reading stock: what a store has of a product, and what the whole chain has. Never older than the last commit."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, json
from sqlalchemy import ARRAY, ColumnElement, Row, String, Text, bindparam, cast, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import BigInteger

from backend.database.reads import dead_units
from backend.database.tables import levels, products, stock, stores
from backend.model.stock import Key, Levels, StockRow


class StockLevel(Struct, frozen=True):
    """One stock row as it is now (dead holds are not reserved any more), with the names a person reads."""

    row: StockRow
    updated_at: datetime | None
    """When it last moved; None if it never did."""
    product_name: str
    product_sku: str
    store_name: str
    levels: Levels


_moved = (stock.c.store_id == stores.c.id) & (stock.c.product_id == products.c.id)
_leveled = (levels.c.store_id == stores.c.id) & (levels.c.product_id == products.c.id)
_columns = (
    stores.c.id.label("store_id"),
    products.c.id.label("product_id"),
    func.coalesce(stock.c.on_hand, 0),
    func.coalesce(stock.c.unavailable, 0),
    func.coalesce(stock.c.allocated, 0),
    cast(func.coalesce(stock.c.reserved, 0) - dead_units(stock), BigInteger),
    func.coalesce(stock.c.incoming, 0),
    func.coalesce(stock.c.version, 0),
    stock.c.updated_at,
    products.c.name,
    products.c.sku,
    stores.c.name,
    func.coalesce(levels.c.safety_stock, 0),
    func.coalesce(levels.c.reorder_point, 0),
    func.coalesce(levels.c.reorder_quantity, 0),
    func.coalesce(levels.c.min_level, 0),
    func.coalesce(levels.c.max_level, 0),
)
_pairs = products.join(stores, literal(True))
# Every pair of a product and a store, whether the product ever moved there or not.
_LEVELS = select(*_columns).select_from(_pairs.outerjoin(stock, _moved).outerjoin(levels, _leveled))
# Only what was ever in a store.
_STOCKED = select(*_columns).select_from(
    stock.join(stores, stores.c.id == stock.c.store_id)
    .join(products, products.c.id == stock.c.product_id)
    .outerjoin(levels, _leveled)
)
_store = stores.c.id == bindparam("store_id")
_product = products.c.id == bindparam("product_id")
_CHAIN = _LEVELS.where(_product).order_by(stores.c.id)

# The pairs that are asked for: two arrays on PostgreSQL, and on SQLite one JSON array of pairs.
_each = func.json_each(bindparam("keys")).table_valued("value")
_KEYS = {
    "postgresql": func.unnest(bindparam("products", type_=ARRAY(Text)), bindparam("stores", type_=ARRAY(Text)))
    .table_valued("product_id", "store_id")
    .render_derived(),
    "sqlite": select(
        func.json_extract(_each.c.value, "$[0]").label("store_id"),
        func.json_extract(_each.c.value, "$[1]").label("product_id"),
    ).subquery(),
}
STOCK_AT = {
    dialect: select(*_columns).select_from(
        asked.join(products, products.c.id == asked.c.product_id)
        .join(stores, stores.c.id == asked.c.store_id)
        .outerjoin(stock, _moved)
        .outerjoin(levels, _leveled)
    )
    for dialect, asked in _KEYS.items()
}
"""The stock of some pairs of a store and a product, by dialect."""

_IN_STORE = (
    _STOCKED.where(stock.c.store_id == bindparam("store_id"), stock.c.product_id > bindparam("after"))
    .order_by(stock.c.product_id)
    .limit(bindparam("limit"))
)
BEHIND = (
    _STOCKED.where(
        tuple_(stock.c.store_id, stock.c.product_id)
        > tuple_(bindparam("after_store", type_=String()), bindparam("after_product", type_=String()))
    )
    .order_by(stock.c.store_id, stock.c.product_id)
    .limit(bindparam("limit"))
)
_available = stock.c.on_hand - stock.c.unavailable - stock.c.allocated - stock.c.reserved


async def stock_at(connection: AsyncConnection, keys: Sequence[Key]) -> dict[Key, StockLevel]:
    """Returns the stock at some keys, zeros where a product never moved; keys of an unknown store or product are left
    out."""
    dialect = connection.dialect.name
    asked: dict[str, Any] = {"keys": json.encode(keys).decode()}
    if dialect == "postgresql":
        asked = {"stores": [store_id for store_id, _ in keys], "products": [product_id for _, product_id in keys]}
    found = [_level(row) for row in await connection.execute(STOCK_AT[dialect], asked)]
    return {(level.row.store_id, level.row.product_id): level for level in found}


async def stock_everywhere(connection: AsyncConnection, product_id: str) -> list[StockLevel]:
    """Returns the stock of a product in every store, by store id; empty if the product is unknown."""
    return [_level(row) for row in await connection.execute(_CHAIN, {"product_id": product_id})]


async def stock_in(connection: AsyncConnection, store_id: str, *, after: str, limit: int) -> list[StockLevel]:
    """Returns what was ever in a store, by product id: at most `limit` rows behind the product `after`."""
    rows = await connection.execute(_IN_STORE, {"store_id": store_id, "after": after, "limit": limit})
    return [_level(row) for row in rows]


async def stock_behind(connection: AsyncConnection, after: Key, limit: int) -> list[StockLevel]:
    """Returns what was ever in any store, by store and product: at most `limit` rows behind the key `after`."""
    rows = await connection.execute(BEHIND, {"after_store": after[0], "after_product": after[1], "limit": limit})
    return [_level(row) for row in rows]


async def low_stock(
    connection: AsyncConnection, threshold: int | None, store_id: str | None, *, after: Key, limit: int
) -> list[StockLevel]:
    """Returns what has at most `threshold` units available; without one, at most its own reorder point or minimum.

    Of one store or of all, by store and product: at most `limit` rows behind the key `after`.
    """
    # Dead holds only add to what is available, so what the row says finds all candidates, and is cheap.
    query = _STOCKED.where(_low(_available, threshold), _low(_available + dead_units(stock), threshold))
    query = query.where(tuple_(stock.c.store_id, stock.c.product_id) > tuple_(*after))
    if store_id is not None:
        query = query.where(stock.c.store_id == store_id)
    rows = await connection.execute(query.order_by(stock.c.store_id, stock.c.product_id).limit(limit))
    return [_level(row) for row in rows]


def is_low(level: StockLevel, threshold: int | None) -> bool:
    """Returns what `low_stock` lists, of a row that was read."""
    if threshold is not None:
        return level.row.available <= threshold
    wanted = (level.levels.reorder_point, level.levels.min_level)
    return any(one > 0 and level.row.available <= one for one in wanted)


def _low(available: ColumnElement[int], threshold: int | None) -> ColumnElement[bool]:
    if threshold is not None:
        return available <= threshold
    wanted = (levels.c.reorder_point, levels.c.min_level)
    return or_(*[(level > 0) & (available <= level) for level in wanted])


def _level(row: Row[*tuple[Any, ...]]) -> StockLevel:
    counters = StockRow(*row[:8])
    updated_at, product_name, product_sku, store_name = row[8:12]
    wanted = Levels(counters.store_id, counters.product_id, *row[12:])
    return StockLevel(counters, updated_at, product_name, product_sku, store_name, wanted)
