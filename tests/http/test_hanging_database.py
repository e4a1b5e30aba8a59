"""A PostgreSQL that takes connections and answers nothing, or keeps a lock: reads and writes end with an answer."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from backend.database.engine import open_database
from backend.database.errors import DatabaseAway
from backend.database.writes import writing
from tests.servers import PostgresServer

from .shop import Shop, assert_problem

pytestmark = pytest.mark.slow

READS = (
    "stock/milk/norte",
    "stock/product/milk",
    "stock/store/norte",
    "products",
    "products/sku/MILK",
    "stores",
    "reservations/stats",
    "export/products",
)


@pytest.fixture
def shop_url(furnished_postgresql: str) -> str:
    """SQLite has no server that could hang."""
    return furnished_postgresql


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.database.reads.READ_SECONDS", 0.3)
    monkeypatch.setattr("backend.database.writes.WRITE_SECONDS", 0.3)


@pytest.fixture
async def hanging(shop: Shop, postgres: PostgresServer) -> AsyncIterator[None]:
    """From here on PostgreSQL hangs; the server has connections to it already."""
    for path in READS:
        assert (await shop.get(path)).status_code == 200, path
    postgres.pause()
    yield
    postgres.resume()


async def assert_away(shop: Shop, path: str) -> None:
    answer = await shop.get(path)
    assert assert_problem(answer, 503, "database_away")["retryable"], path
    assert answer.headers["retry-after"] == "1"


async def test_reads_of_a_database_that_hangs_get_an_answer(shop: Shop, hanging: None) -> None:
    # More than there are connections: those who wait for one get theirs too.
    async with asyncio.timeout(30):
        await asyncio.gather(*(assert_away(shop, path) for path in READS * 4))
        await assert_away(shop, "stock/milk/norte")


async def test_it_goes_on_when_the_database_does(shop: Shop, postgres: PostgresServer) -> None:
    assert (await shop.get("stock/milk/norte")).status_code == 200
    postgres.pause()
    try:
        await asyncio.gather(*(assert_away(shop, path) for path in READS))
    finally:
        postgres.resume()
    for path in READS:
        assert (await shop.get(path)).status_code == 200, path


async def test_a_lock_that_is_kept_is_not_waited_for(shop: Shop) -> None:
    other = open_database(shop.database_url)
    async with other.engine.begin() as connection:
        await connection.execute(text("LOCK TABLE products IN ACCESS EXCLUSIVE MODE"))
        async with asyncio.timeout(30):
            await assert_away(shop, "products")
            assert (await shop.get("stores")).status_code == 200
    await other.close()
    assert (await shop.get("products")).status_code == 200


async def test_writes_to_a_database_that_hangs_get_an_answer(shop: Shop, postgres: PostgresServer) -> None:
    async def name(number: int) -> None:
        answer = await shop.client.put(f"stores/s{number}", json={"name": "Nueva"}, headers=shop.admin)
        assert assert_problem(answer, 503, "database_away")["retryable"]

    assert (await shop.client.put("stores/s0", json={"name": "Vieja"}, headers=shop.admin)).status_code == 201
    postgres.pause()
    try:
        async with asyncio.timeout(60):
            await asyncio.gather(*(name(number) for number in range(32)))  # more than there are connections
    finally:
        postgres.resume()
    assert (await shop.client.put("stores/s0", json={"name": "Otra"}, headers=shop.admin)).status_code == 200


async def test_a_commit_that_hangs_is_not_waited_for(shop_url: str, postgres: PostgresServer) -> None:
    db = open_database(shop_url)

    async def hang_before_the_commit() -> None:
        async with writing(db) as connection:
            await connection.execute(text("SELECT 1"))
            postgres.pause()

    try:
        async with asyncio.timeout(30):
            with pytest.raises(DatabaseAway):
                await hang_before_the_commit()
    finally:
        postgres.resume()
    async with writing(db) as connection:
        assert await connection.scalar(text("SELECT 1")) == 1
    await db.close()


async def test_a_write_does_not_wait_for_a_lock_that_is_kept(shop: Shop) -> None:
    other = open_database(shop.database_url)
    async with other.engine.begin() as connection:
        await connection.execute(text("LOCK TABLE stores IN ACCESS EXCLUSIVE MODE"))
        async with asyncio.timeout(30):
            answer = await shop.client.put("stores/este", json={"name": "Otra"}, headers=shop.admin)
            assert_problem(answer, 503, "database_away")
    await other.close()
    assert (await shop.client.put("stores/este", json={"name": "Este"}, headers=shop.admin)).status_code == 200
