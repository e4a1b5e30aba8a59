"""The last unit: many want it at once, over HTTP and several server processes; as many get it as there are units."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from itertools import cycle
from pathlib import Path

import httpx
import pytest

from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from tests.http.shop import PRODUCTS, Shop, assert_problem, furnish

from .server import Server

pytestmark = pytest.mark.slow

STOCK = 100
REQUESTS = 300


@asynccontextmanager
async def shops(url: str, servers: int, directory: Path) -> AsyncIterator[list[Shop]]:
    """Clients of as many server processes on one database, furnished and with stock."""
    await furnish(url)
    with ExitStack() as processes:
        running = [Server(url, directory) for _ in range(servers)]
        for server in running:
            server.start()
            processes.callback(server.stop)
        for server in running:
            await asyncio.to_thread(server.wait_until_ready)
        tokens = Tokens(await asyncio.to_thread(load_signing_key, directory / "key.pem"))
        async with AsyncExitStack() as clients:
            limits = httpx.Limits(max_connections=None)
            opened = [
                await clients.enter_async_context(
                    httpx.AsyncClient(base_url=f"{server.url}/api/v1/", limits=limits, timeout=60)
                )
                for server in running
            ]
            yield [Shop(client, tokens, url) for client in opened]


@pytest.fixture
async def clients(database_url: str, tmp_path: Path) -> AsyncIterator[list[Shop]]:
    """Of two servers on one PostgreSQL, and of one server on SQLite."""
    async with shops(database_url, 2 if database_url.startswith("postgresql") else 1, tmp_path) as opened:
        yield opened


async def sell_all(clients: list[Shop], baskets: Sequence[tuple[str, ...]]) -> list[httpx.Response]:
    """Sell all baskets at once, one unit of each product in them, spread over the servers."""

    def body(basket: tuple[str, ...]) -> dict[str, object]:
        return {
            "store_id": "norte",
            "lines": [{"product_id": x, "quantity": 1, "unit_price": PRODUCTS[x][2] / 100} for x in basket],
        }

    pairs = zip(cycle(clients), baskets, strict=False)
    return await asyncio.gather(*(shop.post("sales", body(basket)) for shop, basket in pairs))


async def test_pain_1_the_last_unit_is_given_once(clients: list[Shop]) -> None:
    for product in ("milk", "choc", "bread", "rice"):
        await clients[0].receive(product, STOCK)
    await sales_of_one_product(clients)
    await baskets_that_share_products(clients)


async def sales_of_one_product(clients: list[Shop]) -> None:
    answers = await sell_all(clients, [("milk",)] * REQUESTS)
    assert Counter(answer.status_code for answer in answers) == {201: STOCK, 409: REQUESTS - STOCK}
    for answer in answers:
        if answer.status_code == 409:
            problem = assert_problem(answer, 409, "insufficient_stock")
            assert problem["lines"] == [{"product_id": "milk", "requested": 1, "available": 0}]
    stock = (await clients[0].get("stock/milk/norte")).json()
    assert (stock["quantity"], stock["available_qty"]) == (0, 0)


async def baskets_that_share_products(clients: list[Shop]) -> None:
    kinds = [("choc", "bread"), ("bread", "rice"), ("rice", "choc")]
    baskets = [kinds[i % 3] for i in range(REQUESTS)]
    answers = await sell_all(clients, baskets)

    sold: Counter[str] = Counter()
    for basket, answer in zip(baskets, answers, strict=True):
        if answer.status_code == 201:
            sold.update(basket)
    left = {
        product: (await clients[0].get(f"stock/{product}/norte")).json()["quantity"]
        for product in ("choc", "bread", "rice")
    }
    assert left == {product: STOCK - sold[product] for product in left}
    for basket, answer in zip(baskets, answers, strict=True):
        if answer.status_code != 201:
            problem = assert_problem(answer, 409, "insufficient_stock")
            short = {line["product_id"] for line in problem["lines"]}
            # Refused for what it asked, and rightly: what was short is gone for good, and nothing of it was taken.
            assert short
            assert short <= set(basket)
            assert all(left[product] == 0 for product in short)
    assert sum(left.values()) < REQUESTS  # baskets did sell
