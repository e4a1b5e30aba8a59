"""GET /shop: what is known before anybody signs in."""

from backend.database.engine import open_database
from backend.database.tables import shop as table
from backend.database.writes import writing
from backend.shop.queries import add_shop
from tests.http.shop import Shop


async def test_the_shop_tells_its_currency_and_time_zone_to_everybody(shop: Shop) -> None:
    assert (await shop.client.get("shop")).json() == {"name": None, "currency": None, "time_zone": None}
    db = open_database(shop.database_url)
    try:
        async with writing(db) as connection:
            await add_shop(connection, "Costa", "EUR", "Europe/Madrid")
        told = (await shop.client.get("shop")).json()
        async with writing(db) as connection:
            await connection.execute(table.delete())
    finally:
        await db.close()
    assert told == {"name": "Costa", "currency": "EUR", "time_zone": "Europe/Madrid"}
