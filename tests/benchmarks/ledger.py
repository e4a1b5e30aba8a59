"""Reservations a second: the ledger against pgbench, which does the same durable writes on the same server in this run.

    uv run python -m tests.benchmarks.ledger            the table, some minutes
    uv run python -m tests.benchmarks.ledger --million  a million commands, to see that memory stays flat

Rounds of both alternate, so that a noisy neighbour meets both; the middle round counts. SQLite has no server to compare
with: its yardstick is a bare loop that makes one transaction of the same statements per reservation.
"""

import argparse
import asyncio
import gc
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter

import psutil
import uvicorn
from msgspec import Struct, json
from rich.console import Console
from rich.table import Table
from sqlalchemy import delete, insert, text

from backend.database import tables
from backend.database.engine import Database, migrate, open_database
from backend.ids import new_id
from backend.ledger.lanes import Ledger, open_ledger
from backend.model.books import Request
from backend.model.commands import Line, Receive, Reserve
from backend.model.events import Outgoing
from backend.model.stock import Key, Who
from tests.servers import HOST, PostgresServer, postgres_server

ANA = Who("ana", "T1")
STORES, PRODUCTS = 24, 417  # 10,008 rows
ROWS = [(f"S{store}", f"P{product}") for store in range(1, STORES + 1) for product in range(1, PRODUCTS + 1)]
HOT = [ROWS[0]]
OPENING = 1_000_000
SCRIPT = Path(__file__).with_name("yardstick.sql")


class Measured(Struct, frozen=True):
    """One round: commands a second, and the latency of a caller in milliseconds."""

    rate: float
    p50: float
    p99: float


@asynccontextmanager
async def shop(url: str) -> AsyncIterator[tuple[Database, Ledger]]:
    """A migrated database with stock in every row, and its ledger."""
    await migrate(url)
    database = open_database(url)
    now = datetime.now(UTC)
    products = [f"P{number}" for number in range(1, PRODUCTS + 1)]
    async with database.writer.begin() as connection:
        stores = [{"id": f"S{n}", "name": f"S{n}", "created_at": now} for n in range(1, STORES + 1)]
        await connection.execute(insert(tables.stores), stores)
        rows = [
            {"id": p, "sku": p, "name": p, "price_cents": 100, "search_text": p, "created_at": now, "updated_at": now}
            for p in products
        ]
        await connection.execute(insert(tables.products), rows)
    ledger = open_ledger(database, _ignore)
    await ledger.start()
    for number in range(1, STORES + 1):
        opening = tuple(Line(product, OPENING) for product in products)
        answer = await ledger.submit(Request(Receive(id=new_id(), store_id=f"S{number}", lines=opening), ANA))
        assert answer.accepted, answer
    # As `mostrador serve` does when it is ready: what will stay is not looked through again and again.
    gc.collect()
    gc.freeze()
    yield database, ledger
    await ledger.close()
    await database.close()


def _ignore(_: object) -> None:
    """Events are measured by another benchmark."""


async def reserve(ledger: Ledger, rows: list[Key], callers: int, seconds: float) -> Measured:
    """`callers` tasks that hold one unit after the other for `seconds`."""
    waits: list[float] = []
    end = perf_counter() + seconds

    async def caller() -> None:
        while (begun := perf_counter()) < end:
            store, product = random.choice(rows)
            command = Reserve(id=new_id(), store_id=store, lines=(Line(product, 1),), ttl_seconds=900)
            answer = await ledger.submit(Request(command, ANA))
            assert answer.accepted, answer
            waits.append(perf_counter() - begun)

    begun = perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return measured(waits, perf_counter() - begun)


def measured(waits: list[float], took: float) -> Measured:
    """The numbers of a round that took so many seconds, in which callers waited so many each."""
    waits.sort()
    at = [waits[int(len(waits) * part)] * 1000 for part in (0.5, 0.99)]
    return Measured(len(waits) / took, *at)


def pgbench(server: PostgresServer, name: str, sizes: dict[str, int], clients: int, seconds: float) -> Measured:
    """The yardstick, from the wheel of the same server."""
    # Every transaction's wait is in the log; pgbench's own summary has no median.
    variables = [word for key, value in sizes.items() for word in ("-D", f"{key}={value}")]
    with tempfile.TemporaryDirectory() as logs:
        where = ["-h", HOST, "-p", str(server.port), "-U", "postgres", name]
        load = ["-n", "-M", "prepared", "-f", str(SCRIPT), *variables, "-c", str(clients), "-j", "2"]
        log = ["-T", str(int(seconds)), "-l", "--log-prefix", f"{logs}/log"]
        command = [str(server.programs / "pgbench"), *load, *log, *where]
        subprocess.run(command, check=True, capture_output=True)
        lines = [line.split() for log in Path(logs).iterdir() for line in log.read_text().splitlines()]
    return measured([int(line[2]) / 1e6 for line in lines], seconds)


def bare_sqlite(path: Path, rows: list[Key], payload: str, seconds: float) -> Measured:
    """One durable transaction of the same six statements per reservation, in a bare loop on the driver."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    waits: list[float] = []
    begun = perf_counter()
    while (start := perf_counter()) < begun + seconds:
        store, product = random.choice(rows)
        id_, now = new_id().hex, datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        connection.execute("BEGIN IMMEDIATE")
        on_hand, reserved, version = connection.execute(
            "UPDATE stock SET reserved = reserved + 1, version = version + 1, updated_at = ? WHERE store_id = ? AND "
            "product_id = ? AND on_hand - reserved >= 1 RETURNING on_hand, reserved, version",
            (now, store, product),
        ).fetchone()
        held = (id_, store, product, 1, 0, "PENDING", now, "", "ana", "T1", now, now, 1)
        moved = (store, product, version, "reserve", "", 0, 1, on_hand, 0, 0, reserved, 0, "ana", "T1", id_, id_, now)
        command = (id_, store, "reserve", "x" * 32, payload, "ana", "T1", now)
        for table, row in (("reservations", held), ("movements", moved), ("commands", command)):
            connection.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)
        connection.execute("INSERT INTO outbox VALUES (?,?,?,?)", (id_, store, payload, now))
        connection.execute("COMMIT")
        waits.append(perf_counter() - start)
    took = perf_counter() - begun
    connection.close()
    return measured(waits, took)


async def empty_outbox(database: Database) -> None:
    """As a relay would; neither side is to pay for the other's leftovers."""
    async with database.writer.begin() as connection:
        await connection.execute(delete(tables.outbox))
        if database.dialect == "postgresql":
            await connection.execute(text("ANALYZE"))


async def typical_sizes(database: Database, ledger: Ledger) -> dict[str, int]:
    """Bytes of the answer and of the message of a reservation, so that pgbench writes as much as the ledger."""
    published: list[Outgoing] = []
    lone = open_ledger(database, published.extend)
    await lone.start()
    store, product = HOT[0]
    command = Reserve(id=new_id(), store_id=store, lines=(Line(product, 1),), ttl_seconds=900)
    answer = await lone.submit(Request(command, ANA))
    await lone.close()
    return {"answer": len(json.encode(answer)), "payload": len(published[0].payload)}


async def postgres_table(rounds: int, seconds: float) -> None:
    """Both sides on one PostgreSQL with fsync, three shapes of load."""
    shapes = {
        "one hot row, 64 callers": (HOT, 64, {"products": 1, "stores": 1}),
        "10,008 rows, 64 callers": (ROWS, 64, {"products": PRODUCTS, "stores": STORES}),
        "10,008 rows, a lone caller": (ROWS, 1, {"products": PRODUCTS, "stores": STORES}),
    }
    table = _table("PostgreSQL, fsync on", "pgbench")
    with postgres_server() as server:
        # A database for each side: neither walks through the other's rows.
        mine, pgbenchs = server.create_database(), server.create_database()
        async with shop(server.url(pgbenchs)) as (database, ledger):
            sizes = await typical_sizes(database, ledger)
        async with shop(server.url(mine)) as (database, ledger):
            for shape, (rows, callers, spread) in shapes.items():
                ours: list[Measured] = []
                theirs: list[Measured] = []
                for number in range(1, rounds + 1):
                    _tell(f"{shape}, round {number} of {rounds}")
                    theirs.append(pgbench(server, pgbenchs, sizes | spread, callers, seconds))
                    ours.append(await reserve(ledger, rows, callers, seconds))
                    await empty_outbox(database)
                _add(table, shape, _middle(ours), _middle(theirs), by_median=callers == 1)
    Console(width=110).print(table)


async def sqlite_table(rounds: int, seconds: float) -> None:
    """Both sides on one SQLite file, WAL, synchronous=FULL."""
    table = _table("SQLite, synchronous=FULL", "bare loop")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "bench.db"
        async with shop(f"sqlite+aiosqlite:///{path}") as (database, ledger):
            sizes = await typical_sizes(database, ledger)
            payload = "x" * sizes["payload"]
            for shape, rows in {"one hot row, 64 callers": HOT, "10,008 rows, 64 callers": ROWS}.items():
                ours: list[Measured] = []
                theirs: list[Measured] = []
                for number in range(1, rounds + 1):
                    _tell(f"{shape}, round {number} of {rounds}")
                    theirs.append(await asyncio.to_thread(bare_sqlite, path, rows, payload, seconds))
                    ours.append(await reserve(ledger, rows, 64, seconds))
                    await empty_outbox(database)
                _add(table, shape, _middle(ours), _middle(theirs))
    Console(width=110).print(table)


async def million() -> None:
    """A million commands on SQLite; prints this process's resident memory after each hundred thousand."""
    with tempfile.TemporaryDirectory() as directory:
        async with shop(f"sqlite+aiosqlite:///{directory}/bench.db") as (database, ledger):
            for done in range(0, 1_000_001, 100_000):
                print(f"{done:9,} commands  {resident_megabytes():6.1f} MB resident", flush=True)
                if done < 1_000_000:
                    for _ in range(100):
                        picked = [random.choice(ROWS) for _ in range(1000)]
                        orders = [
                            Reserve(id=new_id(), store_id=store, lines=(Line(product, 1),), ttl_seconds=900)
                            for store, product in picked
                        ]
                        answers = await ledger.submit_many([Request(order, ANA) for order in orders])
                        assert all(answer.accepted for answer in answers)
                    await empty_outbox(database)


def resident_megabytes() -> float:
    """Memory of this process that is in RAM now."""
    return float(psutil.Process(os.getpid()).memory_info().rss) / 1e6


def _middle(rounds: list[Measured]) -> Measured:
    return Measured(*(median(getattr(r, name) for r in rounds) for name in ("rate", "p50", "p99")))


def _table(title: str, yardstick: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("reservations", no_wrap=True)
    for column in (f"{yardstick}/s", "p50 ms", "ledger/s", "p50 ms", "p99 ms", "ratio"):
        table.add_column(column, justify="right")
    return table


def _add(table: Table, shape: str, ours: Measured, theirs: Measured, *, by_median: bool = False) -> None:
    ratio = f"{ours.p50 / theirs.p50:.2f} × its median" if by_median else f"{ours.rate / theirs.rate:.1f} ×"
    numbers = (f"{theirs.rate:,.0f}", f"{theirs.p50:.2f}", f"{ours.rate:,.0f}", f"{ours.p50:.2f}", f"{ours.p99:.2f}")
    table.add_row(shape, *numbers, ratio)


def _tell(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5, help="length of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--million", action="store_true", help="a million commands on SQLite, memory printed")
    options = parser.parse_args()
    if options.million:
        _run(million)
    else:
        _run(lambda: postgres_table(options.rounds, options.seconds))
        _run(lambda: sqlite_table(options.rounds, options.seconds))


def _run(work: Callable[[], Coroutine[object, object, None]]) -> None:
    with asyncio.Runner(loop_factory=uvicorn.Config("").get_loop_factory()) as runner:
        runner.run(work())


if __name__ == "__main__":
    main()
