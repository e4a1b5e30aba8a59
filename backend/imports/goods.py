"""Products and their barcodes from files: compared with the catalogue, and written in bulk where they differ."""

import re
from uuid import UUID, uuid5

from msgspec import UNSET, structs
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.catalogue.queries import Draft, add_products, change_products, put_barcodes
from backend.database import tables
from backend.database.audit_trail import Origin, record_many
from backend.database.engine import Database
from backend.database.writes import writing

from .plan import Plan, only_once
from .reading import Progress, Row, RowError

BY = Origin("system:cli")
_IDS = UUID("0d9a0c55-6c1e-4b0f-9a42-7f1c2f6f5c1e")
_FIT_FOR_AN_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_FIELDS = tuple(name for name in Draft.__struct_fields__ if name != "barcode")
_BLANK = Draft(
    sku="", name="", price_cents=0, description="", category="", department="", brand="", package_size="", barcode=None
)
_PRODUCTS = select(tables.products.c.id, *(tables.products.c[name] for name in _FIELDS))
_BARCODES = select(tables.barcodes.c.barcode, tables.barcodes.c.product_id, tables.barcodes.c.quantity)


async def plan_products(connection: AsyncConnection, rows: list[Row], errors: list[RowError]) -> Plan:
    """Returns what the rows change in the catalogue. A row is its id's product, or without an id its SKU's."""
    there = {row.id: _draft(row) for row in await connection.execute(_PRODUCTS)}
    by_sku = {draft.sku: product_id for product_id, draft in there.items()}
    new: dict[str, Draft] = {}
    changed: dict[str, Draft] = {}
    rows = only_once(rows, lambda values: values.sku, "sku", errors)
    for row in rows:
        given = row.values
        product_id = by_sku.get(given.sku, "") if given.id is UNSET else given.id
        product_id = product_id or _new_id(given.sku)
        if by_sku.get(given.sku, product_id) != product_id:
            message = f"The SKU {given.sku} is that of product {by_sku[given.sku]}; give that id, or another SKU."
            errors.append(RowError(row.line, "sku", message))
            continue
        if product_id in new or product_id in changed:
            errors.append(RowError(row.line, "id", f"The id {product_id} stands in a line above; give another."))
            continue
        said = {name: value for name in _FIELDS if (value := getattr(given, name, UNSET)) is not UNSET}
        before = there.get(product_id)
        after = structs.replace(before or _BLANK, **said)
        if before is None:
            new[product_id] = after
        elif before != after:
            changed[product_id] = after

    async def write(db: Database, progress: Progress) -> list[RowError]:
        async with writing(db, at_leisure=True) as connection:
            progress("write", 0, 1)
            await change_products(connection, changed)
            await add_products(connection, new)
            acts = ((f"product:{key}", _shown(there[key]), _shown(draft)) for key, draft in changed.items())
            await record_many(connection, BY, "product.update", acts)
            progress("write", 1, 1)
        return []

    return Plan(len(new), len(changed), len(rows) - len(new) - len(changed), errors, write)


async def plan_barcodes(connection: AsyncConnection, rows: list[Row], errors: list[RowError]) -> Plan:
    """Returns what the rows change among the barcodes. A code stays with its product."""
    skus = await product_ids(connection)
    there = {row.barcode: (row.product_id, row.quantity) for row in await connection.execute(_BARCODES)}
    new: list[dict[str, object]] = []
    changed: list[dict[str, object]] = []
    rows = only_once(rows, lambda values: values.barcode, "barcode", errors)
    for row in rows:
        given = row.values
        quantity = 1 if given.quantity is UNSET else given.quantity
        if (product_id := skus.get(given.sku)) is None:
            errors.append(no_product(row.line, given.sku))
            continue
        values: dict[str, object] = {"barcode": given.barcode, "product_id": product_id, "quantity": quantity}
        before = there.get(given.barcode)
        if before is None:
            new.append(values)
        elif before[0] != product_id:
            message = f"The barcode {given.barcode} is that of product {before[0]}; take it from that one first."
            errors.append(RowError(row.line, "barcode", message))
        elif before[1] != quantity:
            changed.append(values)

    async def write(db: Database, progress: Progress) -> list[RowError]:
        async with writing(db, at_leisure=True) as connection:
            progress("write", 0, 1)
            await put_barcodes(connection, new, new=True)
            await put_barcodes(connection, changed, new=False)
            progress("write", 1, 1)
        return []

    return Plan(len(new), len(changed), len(rows) - len(new) - len(changed), errors, write)


async def product_ids(connection: AsyncConnection) -> dict[str, str]:
    """Returns the ids of all products by their SKUs."""
    found = await connection.execute(select(tables.products.c.sku, tables.products.c.id))
    return {row.sku: row.id for row in found}


def no_product(line: int, sku: str) -> RowError:
    """Returns the error of a row that names a product which the catalogue does not have."""
    return RowError(line, "sku", f"There is no product with the SKU {sku}; import it first: mostrador import products.")


def _draft(row: object) -> Draft:
    return structs.replace(_BLANK, **{name: getattr(row, name) for name in _FIELDS})


def _shown(draft: Draft) -> dict[str, object]:
    """Returns what the audit trail tells of a product."""
    said = {name: getattr(draft, name) for name in _FIELDS if name != "price_cents"}
    return said | {"price": draft.price_cents / 100}


def _new_id(sku: str) -> str:
    """Returns the id of a new product: its SKU where that can be one, else an id that the same SKU gets every time."""
    return sku if _FIT_FOR_AN_ID.fullmatch(sku) else str(uuid5(_IDS, sku))
