"""Changing the catalogue. What a product can be found by, its words and its barcode, changes with it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self, TypeVar

from msgspec import Struct, structs
from sqlalchemy import bindparam, delete, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now
from backend.database.tables import barcodes, products
from backend.ids import new_id
from backend.model.errors import MostradorError
from backend.model.search import search_text
from backend.model.unit_price import UnitPrice
from backend.model.units import Unit

from .bulk import insert_products
from .prices import keep_former_price, keep_former_prices
from .search_queries import Product, product_by_id


class SkuTaken(MostradorError):
    """Another product has this SKU."""

    code = "sku_taken"


class BarcodeTaken(MostradorError):
    """Another product has this barcode."""

    code = "barcode_taken"


class ProductInUse(MostradorError):
    """The product has stock or had some; without it the ledger could not be proved."""

    code = "product_in_use"


class Draft(Struct, frozen=True):
    """What a person says of a product, `barcode` being the one of a single unit."""

    sku: str
    name: str
    price_cents: int
    description: str
    category: str
    department: str
    brand: str
    package_size: str
    barcode: str | None
    active: bool = True
    unit: Unit = "piece"
    category_path: str = ""
    tax_basis_points: int = 0
    tax_included: bool = True
    price_per: int = 1

    @property
    def unit_price(self) -> UnitPrice:
        """What its units cost."""
        return UnitPrice(self.price_cents, self.price_per)

    @classmethod
    def of(cls, product: Product) -> Self:
        """Returns the draft that would leave `product` as it is."""
        return cls(*(getattr(product, field) for field in cls.__struct_fields__))


_ADD = insert(products).values(created_at=database_now(), updated_at=database_now())
_CHANGE = (
    update(products)
    .where(products.c.id == bindparam("product_id"))
    .values(updated_at=database_now(), version=products.c.version + 1)
)
_REMOVE = delete(products).where(products.c.id == bindparam("product_id"))
_ADD_BARCODE = insert(barcodes).values(quantity=1)
_REMOVE_BARCODE = delete(barcodes).where(
    barcodes.c.product_id == bindparam("product"), barcodes.c.barcode == bindparam("code"), barcodes.c.quantity == 1
)


_QUANTITY = update(barcodes).where(barcodes.c.barcode == bindparam("code")).values(quantity=bindparam("units"))
_AT_ONCE = 2_000
"""Rows in one statement of those that write many."""
Row = TypeVar("Row")


async def add_product(connection: AsyncConnection, draft: Draft) -> Product:
    """Returns a new product with an id of its own. Raises SkuTaken and BarcodeTaken."""
    product_id = str(new_id())
    with _unique(draft):
        await connection.execute(_ADD, {"id": product_id, **_columns(draft)})
        await _add_barcode(connection, product_id, draft.barcode)
    return await _read(connection, product_id)


async def change_product(connection: AsyncConnection, before: Product, draft: Draft) -> Product:
    """Returns `before` as `draft` has it, under the next version. Raises SkuTaken and BarcodeTaken."""
    with _unique(draft):
        if draft.unit_price != before.unit_price:
            await keep_former_price(connection, before.id, before.version, before.unit_price)
        await connection.execute(_CHANGE, {"product_id": before.id, **_columns(draft)})
        if draft.barcode != before.barcode:
            await connection.execute(_REMOVE_BARCODE, {"product": before.id, "code": before.barcode})
            await _add_barcode(connection, before.id, draft.barcode)
    return await _read(connection, before.id)


async def remove_product(connection: AsyncConnection, product: Product) -> None:
    """Take a product out of the catalogue. Raises ProductInUse once it has had stock in a store."""
    try:
        await connection.execute(_REMOVE, {"product_id": product.id})
    except IntegrityError as error:  # the foreign key of its stock
        message = f"{product.sku} has stock or had some, which must stay provable; keep it and set its stock to 0."
        raise ProductInUse(message, product_id=product.id) from error


def _columns(draft: Draft) -> dict[str, Any]:
    values = structs.asdict(draft)
    del values["barcode"]
    return values | {"search_text": search_text(draft.name, draft.category, draft.department, draft.brand, draft.sku)}


async def _add_barcode(connection: AsyncConnection, product_id: str, barcode: str | None) -> None:
    if barcode is not None:
        await connection.execute(_ADD_BARCODE, {"product_id": product_id, "barcode": barcode})


async def _read(connection: AsyncConnection, product_id: str) -> Product:
    product = await product_by_id(connection, product_id)
    assert product is not None  # written in this transaction
    return product


@contextmanager
def _unique(draft: Draft) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        # PostgreSQL names the constraint, SQLite the column.
        which = str(error.orig)
        if "uq_products_sku" in which or "products.sku" in which:
            raise SkuTaken(f"Another product has the SKU {draft.sku}; choose another.", field="sku") from error
        if "pk_barcodes" in which or "barcodes.barcode" in which:
            message = f"Another product has the barcode {draft.barcode}; check it."
            raise BarcodeTaken(message, field="barcode") from error
        raise


async def add_products(connection: AsyncConnection, drafts: Mapping[str, Draft]) -> None:
    """Many new products by their ids, without their barcodes. Raises IntegrityError for an id or SKU that is taken."""
    for part in _parts(list(drafts.items())):
        await insert_products(connection, [{"id": product_id, **_columns(draft)} for product_id, draft in part])


async def change_products(connection: AsyncConnection, drafts: Mapping[str, Draft]) -> None:
    """Many products, by their ids, as their drafts have them, but for their barcodes. Raises IntegrityError."""
    for part in _parts(list(drafts.items())):
        values = [{"product_id": product_id, **_columns(draft)} for product_id, draft in part]
        await keep_former_prices(connection, {product_id: draft.unit_price for product_id, draft in part})
        await connection.execute(_CHANGE, values)


async def put_barcodes(connection: AsyncConnection, rows: Sequence[Mapping[str, object]], *, new: bool) -> None:
    """Many barcodes with their products and quantities, all of them new, or all there already with another quantity."""
    for part in _parts(rows):
        if new:
            await connection.execute(insert(barcodes), [dict(row) for row in part])
        else:
            await connection.execute(_QUANTITY, [{"code": row["barcode"], "units": row["quantity"]} for row in part])


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]
