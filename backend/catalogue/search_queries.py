"""Reading the catalogue: one product by any of its codes, some by their ids, all in order."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import barcodes, products
from backend.model.unit_price import UnitPrice
from backend.model.units import Unit


class Product(Struct, frozen=True):
    """A product of the catalogue; `price_per` units of it cost `price_cents`."""

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
    active: bool = True
    """Whether it is sold; a search finds no other."""
    unit: Unit = "piece"
    category_path: str = ""
    tax_basis_points: int = 0
    tax_included: bool = True
    """Whether the tax is in the price; else it is added to it."""
    price_per: int = 1

    @property
    def unit_price(self) -> UnitPrice:
        """What its units cost."""
        return UnitPrice(self.price_cents, self.price_per)


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
    products.c.active,
    products.c.unit,
    products.c.category_path,
    products.c.tax_basis_points,
    products.c.tax_included,
    products.c.price_per,
)
_product: Select[*tuple[Any, ...]] = select(*_columns)
_BY_ID = _product.where(products.c.id == bindparam("code"))
_LOCKED = _BY_ID.with_for_update(of=products)
_BY_SKU = _product.where(products.c.sku == bindparam("code"))
_BY_BARCODE = (
    select(*_columns, barcodes.c.quantity.label("pack_quantity"))
    .join(barcodes, products.c.id == barcodes.c.product_id)
    .where(barcodes.c.barcode.in_(bindparam("codes", expanding=True)))
    .add_columns(barcodes.c.barcode.label("found_by"))
)
_BY_IDS = _product.where(products.c.id.in_(bindparam("ids", expanding=True)))
BEHIND = _product.where(products.c.id > bindparam("after")).order_by(products.c.id).limit(bindparam("limit"))


async def product_by_id(connection: AsyncConnection, product_id: str, *, lock: bool = False) -> Product | None:
    """Returns the product with this id, or None; with `lock` nobody else changes it before the transaction ends."""
    row = (await connection.execute(_LOCKED if lock else _BY_ID, {"code": product_id})).one_or_none()
    return None if row is None else Product(*row)


async def product_by_sku(connection: AsyncConnection, sku: str) -> Product | None:
    """Returns the product with this SKU, or None."""
    row = (await connection.execute(_BY_SKU, {"code": sku})).one_or_none()
    return None if row is None else Product(*row)


async def product_by_barcode(connection: AsyncConnection, codes: Sequence[str]) -> tuple[Product, int] | None:
    """Returns the product that has the first of these barcodes that any has, and the units one scan of it means."""
    rows = (await connection.execute(_BY_BARCODE, {"codes": codes})).all()
    row = min(rows, key=lambda row: codes.index(row.found_by), default=None)
    return None if row is None else (Product(*row[:-2]), row.pack_quantity)


async def products_by_ids(connection: AsyncConnection, ids: Sequence[str]) -> list[Product]:
    """Returns the products with these ids, in the order of the ids."""
    found = {row.id: Product(*row) for row in await connection.execute(_BY_IDS, {"ids": ids})} if ids else {}
    return [found[product_id] for product_id in ids if product_id in found]


async def products_behind(connection: AsyncConnection, after: str, limit: int) -> list[Product]:
    """Returns at most `limit` products, by id, whose ids come after this one."""
    return [Product(*row) for row in await connection.execute(BEHIND, {"after": after, "limit": limit})]
