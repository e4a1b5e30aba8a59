"""What Redis saves and what it costs: views against the query they replace, writing them through, and rate limits.

    uv run python -m tests.benchmarks.cache

The demo chain on PostgreSQL: its catalogue, 24 stores, then 300. A view that does not beat its query has no place in
its route. Rounds of both alternate, so that a noisy neighbour meets both; the middle round counts. Microseconds are
those of this process's processor, which a server runs out of first; what the database spends comes on top.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from itertools import cycle
from statistics import median
from time import perf_counter, process_time

import uvicorn
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from backend.cache.counts import counting
from backend.cache.link import RedisLink, linked
from backend.cache.shelf import Shelf
from backend.catalogue.word_search import Page, search_products
from backend.database.engine import Database, open_database
from backend.database.reads import reading
from backend.demo.shop import build_demo
from backend.ledger.lanes import Ledger, open_ledger
from backend.stock.queries import StockLevel, is_low, low_stock, stock_everywhere
from backend.views.chain import ChainStock
from backend.views.views import LOW_STOCK_LIFE
from tests.servers import PostgresServer, postgres_server, redis_server

from .ledger import HOT, ROWS, empty_outbox, reserve, shop

CALLERS = 64
PRODUCTS = 100
BEST_SELLERS = f"SELECT product_id FROM stock GROUP BY 1 ORDER BY sum(on_hand) DESC, 1 LIMIT {PRODUCTS}"
QUESTIONS = ("chocolate", "milk", "mi", "soft drinks", "")
SCARCE = """
INSERT INTO levels (store_id, product_id, reorder_point)
    SELECT store_id, product_id, CASE WHEN random() < 0.01 THEN on_hand ELSE 1 END FROM stock WHERE on_hand > 1;
ANALYZE
"""
"""Every product has its level, and one in a hundred has reached it."""
MORE_STORES = f"""
INSERT INTO stores (id, name, created_at)
    SELECT 'B' || n, 'B' || n, now() FROM generate_series(1, 300 - (SELECT count(*) FROM stores)) n;
INSERT INTO stock (store_id, product_id, on_hand, version, updated_at)
    SELECT stores.id, best.product_id, 100, 1, now() FROM stores, ({BEST_SELLERS}) best WHERE stores.id LIKE 'B%';
ANALYZE
"""

Read = Callable[[], Awaitable[object]]


class Cost(Struct, frozen=True):
    """Of one read: reads a second by many callers, the wait of a lone one in ms, and processor time in µs."""

    rate: float
    lone: float
    processor: float


async def cost_of(read: Read, seconds: float) -> Cost:
    """Measure `read`, asked by one and then by many."""
    waits: list[float] = []
    end = perf_counter() + seconds / 4
    while (begun := perf_counter()) < end:
        await read()
        waits.append(perf_counter() - begun)
    done = 0
    end = perf_counter() + seconds

    async def caller() -> None:
        nonlocal done
        while perf_counter() < end:
            await read()
            done += 1

    begun, spent = perf_counter(), process_time()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return Cost(done / (perf_counter() - begun), median(waits) * 1000, (process_time() - spent) / done * 1e6)


async def compare(table: Table, name: str, query: Read, view: Read, rounds: int, seconds: float) -> None:
    """Add a row with both."""
    pairs = []
    for number in range(1, rounds + 1):
        _tell(f"{name}, round {number} of {rounds}")
        plain = await cost_of(query, seconds)
        for _ in range(PRODUCTS):  # hits are measured
            await view()
        pairs.append((plain, await cost_of(view, seconds)))
    costs = [
        Cost(*(median(getattr(one, field) for one in side) for field in Cost.__struct_fields__))
        for side in zip(*pairs, strict=True)
    ]
    cells = [cell for one in costs for cell in (f"{one.rate:,.0f}", f"{one.lone:.2f}", f"{one.processor:,.0f}")]
    table.add_row(name, *cells, f"{costs[1].rate / costs[0].rate:.1f} ×")


async def views(postgres: PostgresServer, link: RedisLink, rounds: int, seconds: float) -> None:
    """The table of views against their queries."""
    table = Table(title=f"A view against its query, {CALLERS} callers", title_justify="left")
    table.add_column("", no_wrap=True)
    for column in ("query/s", "lone ms", "µs", "view/s", "lone ms", "µs", "pays"):
        table.add_column(column, justify="right")
    name = postgres.create_database()
    await asyncio.to_thread(build_demo, postgres.url(name), lambda *_: None)
    best = cycle(postgres.execute(BEST_SELLERS, name).split())
    database = open_database(postgres.url(name))
    chain, shelf = ChainStock(link), Shelf(link, "search", Page, 600.0)
    running_out = Shelf(link, "low_stock", list[StockLevel], LOW_STOCK_LIFE)

    async def everywhere(product_id: str) -> list[StockLevel]:
        async with reading(database) as connection:
            return await stock_everywhere(connection, product_id)

    async def in_chain() -> object:
        product_id = next(best)
        return await chain.read(product_id, partial(everywhere, product_id))

    async def low(store_id: str | None) -> list[StockLevel]:
        async with reading(database) as connection:
            return await low_stock(connection, None, store_id, after=("", ""), limit=1001)

    async def kept_low(store_id: str | None) -> object:
        kept = await running_out.read(str(store_id), partial(low, store_id))
        return [level for level in chain.as_committed(kept.value) if is_low(level, None)]

    async def search(question: str) -> Page:
        async with reading(database) as connection:
            return await search_products(connection, question, limit=20, offset=0)

    for question in QUESTIONS:
        load = partial(search, question)
        await compare(table, f"search {question!r}", load, partial(shelf.read, question, load), rounds, seconds)
    await compare(table, "stock in 24 stores", lambda: everywhere(next(best)), in_chain, rounds, seconds)
    postgres.execute(SCARCE, name)
    await compare(table, "low stock, a store", partial(low, "292"), partial(kept_low, "292"), rounds, seconds)
    await compare(table, "low stock, 24 stores", partial(low, None), partial(kept_low, None), rounds, seconds)
    postgres.execute(MORE_STORES, name)
    async with link.asking() as redis:
        await redis.flushall()
    await compare(table, "stock in 300 stores", lambda: everywhere(next(best)), in_chain, rounds, seconds)
    await database.close()
    Console(width=110).print(table)


async def write_through(postgres: PostgresServer, link: RedisLink, rounds: int, seconds: float) -> None:
    """The table of reservations, with their rows written through and without."""
    table = Table(title=f"Writing views through, {CALLERS} callers", title_justify="left")
    for column in ("reservations", "plain/s", "µs", "written through/s", "µs"):
        table.add_column(column, justify="right")
    async with shop(postgres.url(postgres.create_database())) as (database, plain):
        chain = ChainStock(link)
        await chain.start()
        through = open_ledger(database, chain.committed)
        await through.start()
        for shape, rows in {"one hot row": HOT, f"{len(ROWS):,} rows": ROWS}.items():
            pairs = []
            for number in range(1, rounds + 1):
                _tell(f"writing through, {shape}, round {number} of {rounds}")
                pairs.append([await _reserving(ledger, rows, database, seconds) for ledger in (plain, through)])
            numbers = [median(one) for side in zip(*pairs, strict=True) for one in zip(*side, strict=True)]
            table.add_row(shape, *(f"{x:,.0f}" for x in numbers))
        await through.close()
        await chain.close()
    Console(width=110).print(table)


async def _reserving(
    ledger: Ledger, rows: list[tuple[str, str]], database: Database, seconds: float
) -> tuple[float, float]:
    """Reservations a second, and processor time in µs of each."""
    spent = process_time()
    done = await reserve(ledger, rows, CALLERS, seconds)
    spent = process_time() - spent
    await empty_outbox(database)
    return done.rate, spent / (done.rate * seconds) * 1e6


async def limits(link: RedisLink | None, seconds: float) -> float:
    """Processor time in µs of a request's two limits, for many callers, settled with Redis if there is one."""
    done, end, spent = 0, perf_counter() + seconds, process_time()
    async with counting(link) as counts:
        while perf_counter() < end:
            for caller in range(CALLERS):
                counts.take("address 192.0.2.1", 10**9)
                counts.take(f"caller {caller}", 10**9)
            done += CALLERS
            await asyncio.sleep(0)
    return (process_time() - spent) / done * 1e6


def _tell(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)


async def measure(rounds: int, seconds: float) -> None:
    """Everything, on one PostgreSQL and one Redis."""
    async with AsyncExitStack() as stack:
        postgres = stack.enter_context(postgres_server())
        link = await stack.enter_async_context(linked(stack.enter_context(redis_server()).url))
        await views(postgres, link, rounds, seconds)
        await write_through(postgres, link, rounds, seconds)
        alone, shared = await limits(None, seconds), await limits(link, seconds)
    print(f"two limits a request: {alone:.1f} µs of a processor in the process, {shared:.1f} µs shared through Redis")


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3, help="length of a round of one side")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvicorn.Config("", log_config=None).get_loop_factory()) as runner:
        runner.run(measure(options.rounds, options.seconds))


if __name__ == "__main__":
    main()
