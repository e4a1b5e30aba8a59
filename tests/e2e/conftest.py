"""Real baskets, a shop that knows their products, and its server as a process."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from backend.auth.pins import hash_pin
from backend.database.engine import Database
from backend.database.tables import products, stores, user_stores, users
from backend.demo.source import BASKETS
from backend.replay.baskets import Basket, read_baskets

from .server import Server

BUSIEST_STORE = "381"


@pytest.fixture(scope="session")
def baskets() -> Sequence[Basket]:
    """Some baskets of the busiest store: they want the same products."""
    return [basket for basket in read_baskets(BASKETS).baskets if basket.store_id == BUSIEST_STORE][:40]


@pytest.fixture
async def shop_url(database: Database, baskets: Sequence[Basket]) -> str:
    """A shop without stock for the baskets."""
    await furnish(database, baskets)
    return database.url


async def furnish(database: Database, baskets: Sequence[Basket]) -> None:
    """The stores and the products of the baskets, without stock, and the supervisor luis with the PIN 9876."""
    now = datetime.now(UTC)
    names = sorted({line.product_id for basket in baskets for line in basket.lines})
    rows = [{"id": x, "sku": x, "name": x, "search_text": x, "price_cents": 1} for x in names]
    luis = {"name": "luis", "display_name": "Luis", "role": "supervisor", "pin_hash": hash_pin("9876")}
    ids = sorted({basket.store_id for basket in baskets})
    async with database.writer.begin() as connection:
        await connection.execute(insert(stores), [{"id": x, "name": x, "created_at": now} for x in ids])
        await connection.execute(insert(products), [{**row, "created_at": now, "updated_at": now} for row in rows])
        await connection.execute(insert(users).values(**luis, created_at=now))
        await connection.execute(insert(user_stores), [{"user_name": "luis", "store_id": x} for x in ids])


@pytest.fixture
def server(shop_url: str, tmp_path: Path) -> Iterator[Server]:
    """The shop's server, running."""
    server = Server(shop_url, tmp_path)
    server.start()
    server.wait_until_ready()
    yield server
    server.stop()
