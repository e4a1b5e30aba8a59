"""The prices of products, those of today and those they had before."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import bindparam, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now, moment
from backend.database.tables import Instant, former_prices, products
from backend.model.unit_price import UnitPrice

_PRICES = select(products.c.id, products.c.price_cents, products.c.price_per).where(
    products.c.id.in_(bindparam("ids", expanding=True))
)
_FORMER = select(former_prices.c.product_id, former_prices.c.price_cents, former_prices.c.price_per).where(
    former_prices.c.product_id.in_(bindparam("ids", expanding=True)),
    former_prices.c.until > bindparam("since", type_=Instant),
)
_KEEP = insert(former_prices).values(until=database_now())
_KEEP_CHANGED = insert(former_prices).from_select(
    ["product_id", "version", "price_cents", "price_per", "until"],
    select(products.c.id, products.c.version, products.c.price_cents, products.c.price_per, database_now()).where(
        products.c.id == bindparam("changing"),
        or_(products.c.price_cents != bindparam("new_price"), products.c.price_per != bindparam("new_per")),
    ),
)


async def prices_of(connection: AsyncConnection, product_ids: Sequence[str]) -> dict[str, UnitPrice]:
    """Returns the price of each product that exists."""
    return {
        row.id: UnitPrice(row.price_cents, row.price_per)
        for row in await connection.execute(_PRICES, {"ids": product_ids})
    }


async def former_prices_of(
    connection: AsyncConnection, product_ids: Sequence[str], age: timedelta
) -> list[tuple[str, UnitPrice]]:
    """Returns product and price for each price that was changed at most `age` ago."""
    since = await moment(connection) - age
    rows = await connection.execute(_FORMER, {"ids": product_ids, "since": since})
    return [(row.product_id, UnitPrice(row.price_cents, row.price_per)) for row in rows]


async def keep_former_price(connection: AsyncConnection, product_id: str, version: int, price: UnitPrice) -> None:
    """Remembers a price that is being changed now; `version` is the product's before the change."""
    await connection.execute(_KEEP, {"product_id": product_id, "version": version} | _columns(price))


async def keep_former_prices(connection: AsyncConnection, new: Mapping[str, UnitPrice]) -> None:
    """Remembers the prices of the products, by id, that are about to get other ones; `new` are the prices to come."""
    if new:
        values = [{"changing": key, "new_price": price.cents, "new_per": price.per} for key, price in new.items()]
        await connection.execute(_KEEP_CHANGED, values)


def _columns(price: UnitPrice) -> dict[str, int]:
    return {"price_cents": price.cents, "price_per": price.per}
