"""The stock of a product in every store, as two servers see it that share a Redis."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from time import time

import pytest

from backend.cache import view
from backend.cache.link import RedisLink
from backend.ids import new_id
from backend.model.events import Message, Outgoing
from backend.model.stock import Levels, StockRow
from backend.observability.metrics import CACHE_REQUESTS
from backend.stock.queries import StockLevel
from backend.views import chain
from backend.views.chain import LIFE, ChainStock
from tests.eventually import eventually
from tests.servers import RedisServer

STORES = ("norte", "sur", "este")
AT = datetime(2026, 11, 24, tzinfo=UTC)


class Truth:
    """The database: what each store has of milk, and how often somebody looked."""

    def __init__(self) -> None:
        self.rows = {store: StockRow(store, "milk") for store in STORES}
        self.reads = 0
        self.quick = asyncio.Event()
        self.quick.set()

    def sell(self, server: ChainStock | None = None, store: str = "norte") -> None:
        """Commit a change, on a server that takes note of it or on one that dies."""
        row = self.rows[store]
        self.rows[store] = row = StockRow(store, "milk", on_hand=row.on_hand + 1, version=row.version + 1)
        if server is not None:
            server.committed([told(row)])

    async def load(self) -> list[StockLevel]:
        self.reads += 1
        found = [
            StockLevel(row, AT, "Leche", "MILK", row.store_id, Levels(row.store_id, "milk"))
            for row in self.rows.values()
        ]
        await self.quick.wait()
        return found


def told(*rows: StockRow) -> Outgoing:
    return Outgoing(new_id(), Message(rows[0].store_id, AT, stock=rows), b"")


async def on_hand(server: ChainStock, truth: Truth) -> list[int]:
    return [level.row.on_hand for level in (await server.read("milk", truth.load)).value]


def uses(result: str) -> float:
    value: float = CACHE_REQUESTS.labels("chain_stock", result)._value.get()
    return value


@asynccontextmanager
async def opened(links: Sequence[RedisLink]) -> AsyncIterator[list[ChainStock]]:
    async with AsyncExitStack() as stack:
        servers = [ChainStock(link) for link in links]
        for server in servers:
            await server.start()
            stack.push_async_callback(server.close)
        yield servers


@pytest.fixture
async def servers(links: tuple[RedisLink, RedisLink]) -> AsyncIterator[list[ChainStock]]:
    async with opened(links) as servers:
        yield servers


async def test_what_one_server_has_read_serves_all(servers: list[ChainStock]) -> None:
    truth, hits, misses = Truth(), uses("hit"), uses("miss")
    first = await servers[0].read("milk", truth.load)
    second = await servers[1].read("milk", truth.load)
    assert first.value == second.value == await Truth().load()
    assert 0 <= first.age <= second.age < LIFE
    assert (truth.reads, uses("miss") - misses, uses("hit") - hits) == (1, 1, 1)


async def test_a_commit_is_seen_at_once_where_it_was_made_and_soon_everywhere(servers: list[ChainStock]) -> None:
    truth = Truth()
    await on_hand(servers[1], truth)
    truth.sell(servers[0], "sur")
    assert await on_hand(servers[0], truth) == [0, 1, 0]

    async def elsewhere() -> bool:
        return await on_hand(servers[1], truth) == [0, 1, 0]

    await eventually(elsewhere)
    assert truth.reads == 1


async def test_a_read_that_began_before_a_commit_hides_it_from_nobody(servers: list[ChainStock]) -> None:
    truth = Truth()
    truth.quick.clear()
    early = asyncio.create_task(on_hand(servers[0], truth))
    await eventually(lambda: truth.reads)
    truth.sell(servers[1])
    await eventually(lambda: not servers[1]._unwritten)
    truth.quick.set()
    assert await early == [1, 0, 0]
    assert await on_hand(servers[0], truth) == [1, 0, 0]
    assert truth.reads == 1


async def test_nothing_older_replaces_anything_newer(servers: list[ChainStock]) -> None:
    """Rows are told out of order and twice, and between them bases arrive that are as old as they like."""
    chance, newest, link = random.Random(7), dict.fromkeys(STORES, 0), servers[0]._link
    told_rows = [(store, version) for store in STORES for version in range(1, 9)] * 2
    chance.shuffle(told_rows)
    for store, version in told_rows:
        row = chain._versioned(version, chain._Change(row_of(store, version), AT))
        await link.run(chain._PUT_ROWS, ["mostrador:chain:milk"], [10_000, store, row])
        newest[store] = max(newest[store], version)
        versions = {store: chance.randint(0, version) for store, version in newest.items()}
        levels = [StockLevel(row_of(store, x), AT, "", "", "", Levels(store, "milk")) for store, x in versions.items()]
        base = chain._versioned(sum(versions.values()), chain._Base(time(), levels))
        await link.run(chain._PUT_BASE, ["mostrador:chain:milk"], [10_000, base])
        assert await on_hand(servers[1], Truth()) == list(newest.values())


def row_of(store: str, version: int) -> StockRow:
    return StockRow(store, "milk", on_hand=version, version=version)


async def test_a_base_serves_for_a_while_and_no_longer(
    servers: list[ChainStock], monkeypatch: pytest.MonkeyPatch
) -> None:
    truth, now = Truth(), time()
    monkeypatch.setattr(view, "time", lambda: now)
    monkeypatch.setattr(chain, "time", lambda: now)
    await on_hand(servers[0], truth)
    truth.sell()  # on a server that dies before it tells
    now += LIFE - 1
    assert await on_hand(servers[0], truth) == [0, 0, 0]
    assert (await servers[1].read("milk", truth.load)).age == pytest.approx(LIFE - 1)
    now += 1
    assert await on_hand(servers[0], truth) == [1, 0, 0]


async def test_a_product_that_is_not_there_is_not_kept(servers: list[ChainStock]) -> None:
    truth = Truth()
    truth.rows.clear()
    assert await on_hand(servers[0], truth) == await on_hand(servers[0], truth) == []
    assert truth.reads == 2


async def test_without_redis_everything_is_read_from_the_database(
    own_links: list[RedisLink], own_redis: RedisServer
) -> None:
    truth, away = Truth(), uses("away")
    async with opened(own_links) as servers:
        assert await on_hand(servers[0], truth) == [0, 0, 0]
        own_redis.kill()
        for number in range(1, 4):
            truth.sell(servers[0])
            assert await on_hand(servers[0], truth) == await on_hand(servers[1], truth) == [number, 0, 0]
        assert uses("away") == away + 6


async def test_what_happened_in_an_outage_is_told_after_it(own_links: list[RedisLink], own_redis: RedisServer) -> None:
    truth = Truth()
    async with opened(own_links) as servers:
        await on_hand(servers[0], truth)
        own_redis.pause()  # it keeps the base of before
        truth.sell(servers[0], "este")
        assert await on_hand(servers[1], truth) == [0, 0, 1]
        own_redis.resume()
        await eventually(lambda: not servers[0]._unwritten)
        reads = truth.reads

        async def from_the_view() -> bool:
            assert await on_hand(servers[1], truth) == [0, 0, 1]
            return truth.reads == reads

        await eventually(from_the_view)


async def test_old_commits_are_forgotten(servers: list[ChainStock], monkeypatch: pytest.MonkeyPatch) -> None:
    truth, now = Truth(), 100.0
    monkeypatch.setattr(chain, "monotonic", lambda: now)
    truth.sell(servers[0], "sur")
    await eventually(lambda: not servers[0]._unwritten)
    now += LIFE
    truth.sell(servers[0], "norte")
    await eventually(lambda: not servers[0]._unwritten)
    assert list(servers[0]._own) == [("norte", "milk")]
