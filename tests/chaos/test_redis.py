"""Redis is killed and comes back, empty, while terminals sell and customers look: nobody notices."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from backend.database import tables
from backend.database.engine import Database, open_database
from backend.views.chain import LIFE
from tests.eventually import eventually
from tests.servers import NatsServer, RedisServer

from .scene import selling
from .terminals import PRODUCTS

pytestmark = pytest.mark.slow

Versions = Counter[tuple[str, str]]


class Customer:
    """Looks at the stock of the whole chain on one server, which must always answer."""

    def __init__(self, url: str, auth: dict[str, str]) -> None:
        self._client = httpx.AsyncClient(base_url=url, headers=auth, timeout=30)
        self.from_views = 0
        """Answers that were a second old or older."""

    async def look(self) -> Versions:
        """The versions of all rows."""
        seen: Versions = Counter()
        for product in PRODUCTS:
            answer = await self._client.get(f"stock/product/{product}")
            assert answer.status_code == httpx.codes.OK, answer.text
            self.from_views += int(answer.headers.get("Age", 0)) > 0
            seen |= Counter({(row["store_id"], product): row["version"] for row in answer.json()["stores"]})
        return seen

    async def look_until(self, closing: asyncio.Event) -> None:
        """Look again and again."""
        async with self._client:
            while not closing.is_set():
                await self.look()
                await asyncio.sleep(0.02)  # there are others on this machine

    async def knows(self, versions: Versions) -> bool:
        """Whether a look shows these versions or newer ones."""
        return await self.look() >= versions


async def test_redis_is_killed_and_comes_back(
    postgres_url: str, start_nats: Callable[[], NatsServer], own_redis: RedisServer, tmp_path: Path
) -> None:
    database = open_database(postgres_url)
    async with selling(database, start_nats(), tmp_path, servers=2, REDIS_URL=own_redis.url) as shop:
        customers = [Customer(server.url, shop.auth) for server in shop.servers]
        closing = asyncio.Event()
        async with asyncio.TaskGroup() as looking:
            for customer in customers:
                looking.create_task(customer.look_until(closing))
            for _ in range(3):
                own_redis.kill()
                await shop.more(500)
                own_redis.start()
                await shop.more(500)
                versions = await versions_in(database)
                for customer in customers:
                    # What a server kept to itself in the outage is told when it is over: not only when a view is old.
                    await eventually(partial(customer.knows, versions), LIFE / 2)
            await eventually(lambda: all(customer.from_views for customer in customers))
            closing.set()
        assert sum(terminal.failures for terminal in shop.terminals) == 0
    await database.close()


async def versions_in(database: Database) -> Versions:
    stock = tables.stock.c
    async with database.engine.connect() as connection:
        rows = await connection.execute(select(stock.store_id, stock.product_id, stock.version))
        return Counter({(store, product): version for store, product, version in rows})
