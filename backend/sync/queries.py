"""What a copy is made of and compared by: products with their codes and prices, stock rows, changes, sums."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, bindparam, func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import moment
from backend.database.tables import barcodes, catalogue_changes, prices, product_search, products, stock
from backend.model.price_lists import CHAIN, ListPrice, still_told
from backend.model.sync import (
    BUCKETS,
    CATALOGUE_MARK,
    STOCK_MARK,
    BucketSum,
    Code,
    CopiedPrice,
    CopiedProduct,
    CopiedStock,
    bucket_sums,
)

_mark = func.coalesce(catalogue_changes.c.number, 0)
_PRODUCT: Select[*tuple[Any, ...]] = select(
    product_search.c.number,
    _mark,
    products.c.id,
    products.c.sku,
    products.c.name,
    products.c.price_cents,
    products.c.package_size,
    products.c.category,
    products.c.department,
    products.c.brand,
    products.c.active,
    products.c.unit,
    products.c.tax_basis_points,
    products.c.tax_included,
    products.c.price_per,
).select_from(
    product_search.join(products, products.c.id == product_search.c.product_id).outerjoin(
        catalogue_changes, catalogue_changes.c.product_id == product_search.c.product_id
    )
)
PRODUCTS_BEHIND = (
    _PRODUCT.where(product_search.c.number > bindparam("after"))
    .order_by(product_search.c.number)
    .limit(bindparam("limit"))
)
_PRODUCTS = _PRODUCT.where(products.c.id.in_(bindparam("ids", expanding=True)))
_IN_BUCKETS = _PRODUCT.where(
    product_search.c.number > bindparam("after"),
    (product_search.c.number % BUCKETS).in_(bindparam("buckets", expanding=True)),
).order_by(product_search.c.number)
_CODES = select(barcodes.c.product_id, barcodes.c.barcode, barcodes.c.quantity).where(
    barcodes.c.product_id.in_(bindparam("ids", expanding=True))
)
_PRICES = select(
    prices.c.product_id, prices.c.store_id, prices.c.valid_from, prices.c.price_cents, prices.c.price_per
).where(
    prices.c.product_id.in_(bindparam("ids", expanding=True)), prices.c.store_id.in_([CHAIN, bindparam("store_id")])
)
_STOCK: Select[*tuple[Any, ...]] = select(
    stock.c.product_id,
    stock.c.on_hand,
    stock.c.unavailable,
    stock.c.allocated,
    stock.c.reserved,
    stock.c.incoming,
    stock.c.version,
).where(stock.c.store_id == bindparam("store_id"))
STOCK_BEHIND = (
    _STOCK.where(stock.c.product_id > bindparam("after")).order_by(stock.c.product_id).limit(bindparam("limit"))
)
_STOCK_IN_BUCKETS = _STOCK.join(product_search, product_search.c.product_id == stock.c.product_id).where(
    (product_search.c.number % BUCKETS).in_(bindparam("buckets", expanding=True))
)
CHANGED_BEHIND = (
    select(catalogue_changes.c.number, catalogue_changes.c.product_id)
    .where(
        tuple_(catalogue_changes.c.number, catalogue_changes.c.product_id)
        > tuple_(bindparam("number"), bindparam("product_id"))
    )
    .order_by(catalogue_changes.c.number, catalogue_changes.c.product_id)
    .limit(bindparam("limit"))
)
_POSITION = {
    # Every transaction before this one has ended and is seen; those that have not may write greater numbers only.
    "postgresql": text("SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)"),
    # One transaction writes at a time, so what is not there yet gets greater numbers.
    "sqlite": text("SELECT next FROM catalogue_number"),
}
_SUMS_OF_PRODUCTS = text(
    bucket_sums(
        CATALOGUE_MARK,
        "SELECT s.number, coalesce(c.number, 0) AS mark, p.price_cents FROM product_search s"
        " JOIN products p ON p.id = s.product_id LEFT JOIN catalogue_changes c ON c.product_id = s.product_id",
    )
)
_SUMS_OF_STOCK = text(
    bucket_sums(
        STOCK_MARK,
        "SELECT p.number, s.version, s.on_hand, s.unavailable, s.allocated, s.reserved, s.incoming FROM stock s"
        " JOIN product_search p ON p.product_id = s.product_id WHERE s.store_id = :store_id",
    )
)
_SIZES = select(
    select(func.count()).select_from(product_search).scalar_subquery(),
    select(func.count()).select_from(stock).where(stock.c.store_id == bindparam("store_id")).scalar_subquery(),
)


class Changed(NamedTuple):
    """That a product was changed, added or removed, and in which transaction."""

    number: int
    product_id: str


async def position(connection: AsyncConnection) -> int:
    """Returns the position of now: whatever is not seen yet will have a number that is not less."""
    number: int = (await connection.execute(_POSITION[connection.dialect.name])).scalar_one()
    return number


async def sizes(connection: AsyncConnection, store_id: str) -> tuple[int, int]:
    """Returns how many products there are, and how many stock rows of a store."""
    found = (await connection.execute(_SIZES, {"store_id": store_id})).one()
    return found[0], found[1]


async def products_behind(connection: AsyncConnection, store_id: str, after: int, limit: int) -> list[CopiedProduct]:
    """Returns at most `limit` products with numbers greater than `after`, in their order."""
    return await _products(connection, store_id, PRODUCTS_BEHIND, {"after": after, "limit": limit})


async def products_of(connection: AsyncConnection, store_id: str, ids: Sequence[str]) -> list[CopiedProduct]:
    """Returns those of the products that there are."""
    return await _products(connection, store_id, _PRODUCTS, {"ids": ids}) if ids else []


async def products_in(
    connection: AsyncConnection, store_id: str, buckets: Sequence[int], after: int, limit: int
) -> list[CopiedProduct]:
    """Returns at most `limit` products of these buckets with numbers greater than `after`, in their order."""
    return await _products(connection, store_id, _IN_BUCKETS.limit(limit), {"after": after, "buckets": buckets})


async def stock_behind(connection: AsyncConnection, store_id: str, after: str, limit: int) -> list[CopiedStock]:
    """Returns at most `limit` stock rows of a store behind the product `after`, by product."""
    rows = await connection.execute(STOCK_BEHIND, {"store_id": store_id, "after": after, "limit": limit})
    return [CopiedStock(*row) for row in rows]


async def stock_in(
    connection: AsyncConnection, store_id: str, buckets: Sequence[int], after: str, limit: int
) -> list[CopiedStock]:
    """Returns at most `limit` stock rows of a store in these buckets behind the product `after`, by product."""
    page = _STOCK_IN_BUCKETS.where(stock.c.product_id > bindparam("after")).order_by(stock.c.product_id).limit(limit)
    rows = await connection.execute(page, {"store_id": store_id, "buckets": buckets, "after": after})
    return [CopiedStock(*row) for row in rows]


async def changed_behind(connection: AsyncConnection, after: Changed, limit: int) -> list[Changed]:
    """Returns at most `limit` changes of the catalogue behind one, in their order."""
    rows = await connection.execute(CHANGED_BEHIND, {**after._asdict(), "limit": limit})
    return [Changed(*row) for row in rows]


async def sums_of_products(connection: AsyncConnection) -> tuple[BucketSum, ...]:
    """Returns the sums of the catalogue."""
    return tuple(BucketSum(*row) for row in await connection.execute(_SUMS_OF_PRODUCTS))


async def sums_of_stock(connection: AsyncConnection, store_id: str) -> tuple[BucketSum, ...]:
    """Returns the sums of a store's stock."""
    return tuple(BucketSum(*row) for row in await connection.execute(_SUMS_OF_STOCK, {"store_id": store_id}))


async def _products(
    connection: AsyncConnection, store_id: str, statement: Select[*tuple[Any, ...]], values: dict[str, Any]
) -> list[CopiedProduct]:
    """Returns products with their codes and prices. These are read after their marks, so they are never older."""
    rows: Sequence[Row[*tuple[Any, ...]]] = (await connection.execute(statement, values)).all()
    if not rows:
        return []
    ids = [row.id for row in rows]
    codes: dict[str, list[Code]] = {}
    for product_id, *code in await connection.execute(_CODES, {"ids": ids}):
        codes.setdefault(product_id, []).append(Code(*code))
    lists: dict[str, list[ListPrice]] = {}
    for product_id, *price in await connection.execute(_PRICES, {"ids": ids, "store_id": store_id}):
        lists.setdefault(product_id, []).append(ListPrice(*price))
    told: dict[str, tuple[CopiedPrice, ...]] = {}
    if lists:
        now = await moment(connection)
        for product_id, some in lists.items():
            told[product_id] = tuple(
                CopiedPrice(x.store_id, x.valid_from, x.price_cents, x.price_per) for x in still_told(some, now)
            )
    copied: list[list[Any]] = [
        [*row[:-1], tuple(codes.get(row.id, ())), told.get(row.id, ()), row.price_per] for row in rows
    ]
    return [CopiedProduct(*values) for values in copied]
