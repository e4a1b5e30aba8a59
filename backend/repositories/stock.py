"""Reading stock: what a store has of a product, and what the whole chain has. Never older than the last commit."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, bindparam, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import BigInteger

from backend.model.stock import StockRow
from backend.tables import products, stock, stores

from .reads import dead_units


class StockLevel(Struct, frozen=True):
    """One stock row as it is now (dead holds are not reserved any more), with the names a person reads."""

    row: StockRow
    updated_at: datetime | None
    """When it last moved; None if it never did."""
    product_name: str
    product_sku: str
    store_name: str


_moved = (stock.c.store_id == stores.c.id) & (stock.c.product_id == products.c.id)
# Every pair of a product and a store, whether the product ever moved there or not.
_LEVELS = select(
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
).select_from(products.join(stores, literal(True)).outerjoin(stock, _moved))
_store = stores.c.id == bindparam("store_id")
_product = products.c.id == bindparam("product_id")
_ONE = _LEVELS.where(_product, _store)
_CHAIN = _LEVELS.where(_product).order_by(stores.c.id)
_PAGE = _LEVELS.where(_store, products.c.id.in_(bindparam("product_ids", expanding=True)))


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


def _level(row: Row[*tuple[Any, ...]]) -> StockLevel:
    return StockLevel(StockRow(*row[:8]), *row[8:])
