"""Price lists from a file. What has begun is history, so only prices to come are written beside a list that is there.

A list that has no price of the product yet takes prices of the past too: so an export comes in again.
"""

from datetime import datetime

from msgspec import UNSET
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.catalogue.price_lists import put_prices
from backend.database import tables
from backend.database.engine import Database
from backend.database.reads import moment
from backend.database.writes import writing
from backend.model.price_lists import CHAIN, ListPrice
from backend.model.unit_price import UnitPrice
from backend.stores.queries import all_stores

from .goods import BY, no_product
from .plan import Plan, only_once
from .reading import Progress, Row, RowError

_PRODUCTS = select(tables.products.c.sku, tables.products.c.id, tables.products.c.price_per)
_p = tables.prices.c
_PRICES = select(_p.product_id, _p.store_id, _p.valid_from, _p.price_cents, _p.price_per)


async def plan_prices(connection: AsyncConnection, rows: list[Row], errors: list[RowError]) -> Plan:
    """Returns what the rows change in the price lists."""
    stores = {CHAIN, *dict(await all_stores(connection))}
    products = {row.sku: (row.id, row.price_per) for row in await connection.execute(_PRODUCTS)}
    there: dict[tuple[str, str], dict[datetime, UnitPrice | None]] = {}
    for product_id, store_id, begins, cents, per in await connection.execute(_PRICES):
        was = None if cents is None else UnitPrice(cents, per)
        there.setdefault((store_id, product_id), {})[begins] = was
    now = await moment(connection)
    new: list[tuple[str, ListPrice]] = []
    changed: list[tuple[str, ListPrice]] = []
    rows = only_once(rows, lambda values: (values.store_id, values.sku, values.valid_from), "valid_from", errors)
    for row in rows:
        given = row.values
        if given.store_id not in stores:
            message = f"There is no store {given.store_id}; found it first: mostrador stores add."
            errors.append(RowError(row.line, "store_id", message))
            continue
        if given.sku not in products:
            errors.append(no_product(row.line, given.sku))
            continue
        product_id, per = products[given.sku]
        if given.price_cents is None:
            per = 1
        elif given.price_per is not UNSET:
            per = given.price_per
        price = ListPrice(given.store_id, given.valid_from, given.price_cents, per)
        known = there.get((given.store_id, product_id), {})
        said = None if given.price_cents is None else UnitPrice(given.price_cents, per)
        if given.valid_from in known and known[given.valid_from] == said:
            continue
        if known and given.valid_from < now:
            message = "valid_from has passed, and late sales are judged by the prices of their time; give one to come."
            errors.append(RowError(row.line, "valid_from", message))
        else:
            (changed if given.valid_from in known else new).append((product_id, price))

    async def write(db: Database, progress: Progress) -> list[RowError]:
        async with writing(db) as connection:
            progress("write", 0, 1)
            await put_prices(connection, [*new, *changed], BY.actor)
            progress("write", 1, 1)
        return []

    return Plan(len(new), len(changed), len(rows) - len(new) - len(changed), errors, write)
