"""The barcodes of products: a code names one product, and how many units of it one scan means."""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import barcodes
from backend.model.scans import CodeKind, Mask, kind_of

from .queries import BarcodeTaken


class ProductBarcode(Struct, frozen=True):
    """A code of a product, as it is kept."""

    barcode: str
    kind: CodeKind
    quantity: int
    """Units that one scan means."""


_OF_PRODUCT = (
    select(barcodes.c.barcode, barcodes.c.quantity)
    .where(barcodes.c.product_id == bindparam("product_id"))
    .order_by(barcodes.c.quantity, barcodes.c.barcode)
)
_ADD = insert(barcodes)
_REMOVE = delete(barcodes).where(
    barcodes.c.product_id == bindparam("of_product"), barcodes.c.barcode == bindparam("code")
)


async def barcodes_of(connection: AsyncConnection, product_id: str, masks: Sequence[Mask] = ()) -> list[ProductBarcode]:
    """Returns the codes of a product, those of fewest units first."""
    rows = await connection.execute(_OF_PRODUCT, {"product_id": product_id})
    return [ProductBarcode(row.barcode, kind_of(row.barcode, masks), row.quantity) for row in rows]


async def add_barcode(connection: AsyncConnection, product_id: str, barcode: str, quantity: int) -> None:
    """Adds a code as it is kept. Raises BarcodeTaken."""
    try:
        await connection.execute(_ADD, {"product_id": product_id, "barcode": barcode, "quantity": quantity})
    except IntegrityError as error:
        raise BarcodeTaken(f"A product has the barcode {barcode} already; check it.", field="barcode") from error


async def remove_barcode(connection: AsyncConnection, product_id: str, barcode: str) -> bool:
    """Takes a code away from its product; returns whether it had it."""
    found = await connection.execute(_REMOVE, {"of_product": product_id, "code": barcode})
    return found.rowcount == 1
