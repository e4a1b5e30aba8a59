"""Reading stock: what a store has of a product, and what the whole chain has. Never older than the last commit."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, bindparam, cast, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import BigInteger

from backend.model.stock import Key, Levels, StockRow
from backend.tables import levels, products, stock, stores

from .reads import dead_units


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
_ONE = _LEVELS.where(_product, _store)
_CHAIN = _LEVELS.where(_product).order_by(stores.c.id)
_PAGE = _LEVELS.where(_store, products.c.id.in_(bindparam("product_ids", expanding=True)))

_IN_STORE = (
    _STOCKED.where(stock.c.store_id == bindparam("store_id"), stock.c.product_id > bindparam("after"))
    .order_by(stock.c.product_id)
    .limit(bindparam("limit"))
)
_available = stock.c.on_hand - stock.c.unavailable - stock.c.allocated - stock.c.reserved


async def stock_of(connection: AsyncConnection, product_id: str, store_id: str) -> StockLevel | None:
    """The stock of a product in a store, zeros if it never moved there; None if either of them is unknown."""
    row = (await connection.execute(_ONE, {"product_id": product_id, "store_id": store_id})).one_or_none()
    return None if row is None else _level(row)


async def stock_everywhere(connection: AsyncConnection, product_id: str) -> list[StockLevel]:
    """The stock of a product in every store, by store id; empty if the product is unknown."""
    return [_level(row) for row in await connection.execute(_CHAIN, {"product_id": product_id})]


async def stock_at(connection: AsyncConnection, store_id: str, product_ids: Sequence[str]) -> list[StockLevel]:
    """The stock of some products in a store, in no particular order; what is unknown is left out."""
    rows = await connection.execute(_PAGE, {"store_id": store_id, "product_ids": product_ids})
    return [_level(row) for row in rows]


async def stock_in(connection: AsyncConnection, store_id: str, *, after: str, limit: int) -> list[StockLevel]:
    """What was ever in a store, by product id: at most `limit` rows behind the product `after`."""
    rows = await connection.execute(_IN_STORE, {"store_id": store_id, "after": after, "limit": limit})
    return [_level(row) for row in rows]


async def low_stock(
    connection: AsyncConnection, threshold: int | None, store_id: str | None, *, after: Key, limit: int
) -> list[StockLevel]:
    """What has at most `threshold` units available; without one, at most its own reorder point or minimum.

    Of one store or of all, by store and product: at most `limit` rows behind the key `after`.
    """
    # Dead holds only add to what is available, so what the row says finds all candidates, and is cheap.
    query = _STOCKED.where(_low(_available, threshold), _low(_available + dead_units(stock), threshold))
    query = query.where(tuple_(stock.c.store_id, stock.c.product_id) > tuple_(*after))
    if store_id is not None:
        query = query.where(stock.c.store_id == store_id)
    rows = await connection.execute(query.order_by(stock.c.store_id, stock.c.product_id).limit(limit))
    return [_level(row) for row in rows]


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
