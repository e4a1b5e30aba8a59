"""Price lists in the database: what products cost in a store, or in the whole chain, from a moment on.

A price that has begun is history, by which late sales are judged; so only prices to come are written or taken back.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import structs
from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import moment
from backend.database.tables import Instant, prices
from backend.model.price_lists import ListPrice, effective_price, prices_between
from backend.model.stock import Key
from backend.model.unit_price import UnitPrice

from .prices import former_prices_of, prices_of
from .search_queries import Product

_NEVER = datetime.min.replace(tzinfo=UTC)

_COLUMNS = (prices.c.product_id, prices.c.store_id, prices.c.valid_from, prices.c.price_cents, prices.c.price_per)
_OF_PRODUCTS = (
    select(*_COLUMNS)
    .where(prices.c.product_id.in_(bindparam("ids", expanding=True)))
    .order_by(prices.c.valid_from.desc(), prices.c.store_id)
)
_ADD = insert(prices)
_REMOVE = delete(prices).where(
    prices.c.product_id == bindparam("of_product"),
    prices.c.store_id == bindparam("in_store"),
    prices.c.valid_from == bindparam("begins", type_=Instant),
)


_AT_ONCE = 2_000
"""Rows in one statement of those that write many."""


async def list_prices_of(connection: AsyncConnection, product_ids: Sequence[str]) -> dict[str, list[ListPrice]]:
    """Returns the list prices of these products in all stores, the latest first; nothing for a product without."""
    found: dict[str, list[ListPrice]] = {}
    for product_id, *price in await connection.execute(_OF_PRODUCTS, {"ids": product_ids}):
        found.setdefault(product_id, []).append(ListPrice(*price))
    return found


async def prices_in(connection: AsyncConnection, store_id: str, products: Iterable[Product]) -> dict[str, UnitPrice]:
    """Returns what these products cost in a store now, by their ids."""
    base = {product.id: product.unit_price for product in products}
    lists = await list_prices_of(connection, list(base)) if base else {}
    if not lists:
        return base
    now = await moment(connection)
    return {key: effective_price(price, lists.get(key, ()), store_id, now) for key, price in base.items()}


async def prices_at(connection: AsyncConnection, keys: Collection[Key]) -> dict[Key, UnitPrice]:
    """Returns what products that exist cost in stores now."""
    ids = list({product_id for _, product_id in keys})
    base = await prices_of(connection, ids)
    lists = await list_prices_of(connection, ids)
    now = await moment(connection) if lists else _NEVER
    return {
        (store_id, product_id): effective_price(base[product_id], lists.get(product_id, ()), store_id, now)
        for store_id, product_id in keys
        if product_id in base
    }


async def recent_prices_at(
    connection: AsyncConnection, keys: Collection[Key], age: timedelta
) -> list[tuple[Key, UnitPrice]]:
    """Returns what products cost in stores at most `age` ago, by their lists and by the catalogue of that time."""
    ids = list({product_id for _, product_id in keys})
    former = await former_prices_of(connection, ids, age)
    found = [(key, price) for key in keys for product_id, price in former if product_id == key[1]]
    if lists := await list_prices_of(connection, ids):
        base, now = await prices_of(connection, ids), await moment(connection)
        for key in keys:
            if key[1] in lists and key[1] in base:
                recent = prices_between(base[key[1]], lists[key[1]], key[0], now - age, now)
                found += [(key, price) for price in recent]
    return found


async def put_price(connection: AsyncConnection, product_id: str, price: ListPrice, actor: str) -> None:
    """Writes a price to come, in place of the one that was to begin in that store at that moment."""
    await put_prices(connection, [(product_id, price)], actor)


async def put_prices(connection: AsyncConnection, new: Sequence[tuple[str, ListPrice]], actor: str) -> None:
    """Writes many prices with the ids of their products, in place of those that were to begin just there and then."""
    for start in range(0, len(new), _AT_ONCE):
        part = new[start : start + _AT_ONCE]
        old = [{"of_product": key, "in_store": price.store_id, "begins": price.valid_from} for key, price in part]
        await connection.execute(_REMOVE, old)
        await connection.execute(
            _ADD, [structs.asdict(price) | {"product_id": key, "actor": actor} for key, price in part]
        )


async def remove_price(connection: AsyncConnection, product_id: str, store_id: str, valid_from: datetime) -> bool:
    """Takes a price back; returns whether there was one."""
    values = {"of_product": product_id, "in_store": store_id, "begins": valid_from}
    return (await connection.execute(_REMOVE, values)).rowcount == 1
