"""Reading the catalogue: one product by any of its codes, and the search of the counter."""

from datetime import datetime
from functools import cache
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, String, and_, bindparam, case, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import barcodes, products, stores
from backend.model.search import NAME_END, search_words


class Product(Struct, frozen=True):
    """A product of the catalogue; it costs `price_cents` a unit."""

    id: str
    sku: str
    barcode: str | None
    """The code of one unit, for labels; a product may have more, and codes of packs."""
    name: str
    description: str
    department: str
    category: str
    brand: str
    package_size: str
    price_cents: int
    created_at: datetime
    updated_at: datetime
    version: int
    """Grows with every change of the product."""


class Page(Struct, frozen=True):
    """Some of the products that match, and how many match in all."""

    products: list[Product]
    total: int


_unit_barcode = (
    select(barcodes.c.barcode)
    .where(barcodes.c.product_id == products.c.id)
    .order_by(barcodes.c.quantity, barcodes.c.barcode)
    .limit(1)
    .correlate(products)
    .scalar_subquery()
)
_columns = (
    products.c.id,
    products.c.sku,
    _unit_barcode.label("barcode"),
    products.c.name,
    products.c.description,
    products.c.department,
    products.c.category,
    products.c.brand,
    products.c.package_size,
    products.c.price_cents,
    products.c.created_at,
    products.c.updated_at,
    products.c.version,
)
_product: Select[*tuple[Any, ...]] = select(*_columns)
_BY_ID = _product.where(products.c.id == bindparam("code"))
_LOCKED = _BY_ID.with_for_update(of=products)
_BY_SKU = _product.where(products.c.sku == bindparam("code"))
_BY_BARCODE = (
    select(*_columns, barcodes.c.quantity.label("pack_quantity"))
    .join(barcodes, products.c.id == barcodes.c.product_id)
    .where(barcodes.c.barcode == bindparam("code"))
)
BEHIND = _product.where(products.c.id > bindparam("after")).order_by(products.c.id).limit(bindparam("limit"))
_STORES = select(stores.c.id, stores.c.name).order_by(stores.c.id)
_STORE = select(stores.c.name).where(stores.c.id == bindparam("store_id"))
_LOCKED_STORE = _STORE.with_for_update(key_share=True)  # what refers to the store goes on


async def product_by_id(connection: AsyncConnection, product_id: str, *, lock: bool = False) -> Product | None:
    """The product with this id, or None; with `lock` nobody else changes it before the transaction ends."""
    row = (await connection.execute(_LOCKED if lock else _BY_ID, {"code": product_id})).one_or_none()
    return None if row is None else Product(*row)


async def product_by_sku(connection: AsyncConnection, sku: str) -> Product | None:
    """The product with this SKU, or None."""
    row = (await connection.execute(_BY_SKU, {"code": sku})).one_or_none()
    return None if row is None else Product(*row)


async def product_by_barcode(connection: AsyncConnection, barcode: str) -> tuple[Product, int] | None:
    """The product that carries this barcode and how many units one scan of it means, or None."""
    row = (await connection.execute(_BY_BARCODE, {"code": barcode})).one_or_none()
    return None if row is None else (Product(*row[:-1]), row.pack_quantity)


async def products_behind(connection: AsyncConnection, after: str, limit: int) -> list[Product]:
    """At most `limit` products, by id, whose ids come after this one."""
    return [Product(*row) for row in await connection.execute(BEHIND, {"after": after, "limit": limit})]


async def search_products(
    connection: AsyncConnection, query: str, *, category: str | None = None, limit: int, offset: int
) -> Page:
    """Products (of a category) in which every word of `query` occurs; all of them for an empty one.

    An exact SKU, id or barcode comes first, then names that begin with the query, then names of which a later
    word does, then the rest.
    """
    query = query.strip()
    words = search_words(query)
    count = len(words) if query else None
    values: dict[str, str | int] = {"limit": limit, "offset": offset}
    if category is not None:
        values["category"] = category
    if query:
        values |= {"code": query, "phrase": " ".join(words)}
        values |= {f"word_{i}": f"%{word}%" for i, word in enumerate(words)}
    found = (await connection.execute(_search(count, category is not None), values)).all()
    if found:
        return Page([Product(*row[1:]) for row in found], found[0][0])
    # Past the last page no row is left to carry the total.
    total = await connection.scalar(_count(count, category is not None), values) if offset else 0
    return Page([], total or 0)


async def all_stores(connection: AsyncConnection) -> list[tuple[str, str]]:
    """Id and name of every store, by id."""
    return [(row.id, row.name) for row in await connection.execute(_STORES)]


async def store_name(connection: AsyncConnection, store_id: str, *, lock: bool = False) -> str | None:
    """The name of a store, or None; with `lock` nobody else gets it with `lock` before the transaction ends."""
    name: str | None = await connection.scalar(_LOCKED_STORE if lock else _STORE, {"store_id": store_id})
    return name


@cache  # one statement per number of words, built once
def _search(words: int | None, of_category: bool) -> Select[*tuple[Any, ...]]:
    rank = literal(0) if words is None else _rank()
    hits = select(products.c.id, rank.label("rank"), products.c.name).where(*_wanted(words, of_category))
    # Only the page's own rows are joined to what is shown of them.
    found = hits.subquery()
    page = (
        select(func.count().over().label("total"), found)
        .order_by(found.c.rank, found.c.name, found.c.id)
        .limit(bindparam("limit"))
        .offset(bindparam("offset"))
        .subquery()
    )
    return (
        select(page.c.total, *_columns)
        .join_from(page, products, products.c.id == page.c.id)
        .order_by(page.c.rank, page.c.name, page.c.id)
    )


@cache
def _count(words: int | None, of_category: bool) -> Select[int]:
    return select(func.count()).select_from(products).where(*_wanted(words, of_category))


def _wanted(words: int | None, of_category: bool) -> list[ColumnElement[bool]]:
    found = [] if words is None else [_matches(words)]
    return [*found, products.c.category == bindparam("category")] if of_category else found


def _is_code() -> ColumnElement[bool]:
    code = bindparam("code", type_=String)
    carriers = select(barcodes.c.product_id).where(barcodes.c.barcode == code)
    return or_(products.c.sku == code, products.c.id == code, products.c.id.in_(carriers))


def _matches(words: int) -> ColumnElement[bool]:
    if not words:
        return _is_code()
    # Folded words have no character that LIKE would treat as a pattern.
    return or_(_is_code(), and_(*(products.c.search_text.like(bindparam(f"word_{i}")) for i in range(words))))


def _rank() -> ColumnElement[int]:
    phrase = bindparam("phrase", type_=String)
    return case(
        (_is_code(), 0),
        (products.c.search_text.like(phrase + "%"), 1),
        (products.c.search_text.like("% " + phrase + f"%{NAME_END}%"), 2),
        else_=3,
    )
