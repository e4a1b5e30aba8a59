"""Finding products by what is printed on them or on a delivery note, many at a time."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import barcodes, products

_AT_ONCE = 500


class Meant(NamedTuple):
    """The product that a code means, and how many units of it."""

    product_id: str
    units: int


async def meant_by(connection: AsyncConnection, codes: Collection[str]) -> dict[str, Meant]:
    """Returns what each code means that the catalogue knows: a barcode first, then a SKU, then a product's id."""
    found: dict[str, Meant] = {}
    wanted = list(dict.fromkeys(codes))
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        by_id = select(products.c.id).where(products.c.id.in_(some))
        found |= {row.id: Meant(row.id, 1) for row in await connection.execute(by_id)}
        by_sku = select(products.c.sku, products.c.id).where(products.c.sku.in_(some))
        found |= {row.sku: Meant(row.id, 1) for row in await connection.execute(by_sku)}
        carried = select(barcodes).where(barcodes.c.barcode.in_(some))
        found |= {row.barcode: Meant(row.product_id, row.quantity) for row in await connection.execute(carried)}
    return found
