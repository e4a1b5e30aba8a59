"""How long a terminal takes with a large catalogue: a cold start, a search, a scan, and catching up after an outage.

    uv run python -m tests.benchmarks.terminal

A server process on SQLite has the catalogue of `tests.benchmarks.search` and a stock row of each product; the terminal
is another process, so that its memory and its processor time are its own. Seconds are as a clerk waits for them;
processor time is what matters on a machine that others use. The yardstick is a search without an index in the same run.
"""

import argparse
import asyncio
import resource
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time
from types import SimpleNamespace

import msgspec
from rich.console import Console
from rich.table import Table
from sqlalchemy import insert, update

from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from backend.catalogue.queries import add_products
from backend.database import tables
from backend.database.engine import Database, migrate, open_database
from backend.model.search import search_words
from backend.model.stock import StockRow
from backend.terminal.api import Api
from backend.terminal.cache.cache import Cache
from backend.terminal.cache.comparing import Healed, compare
from backend.terminal.cache.intake import Progress, load
from backend.terminal.cache.sync import Sync
from backend.terminal.values import Session, Store
from tests.e2e.server import Server

from .search import QUESTIONS, catalogue

PRODUCTS = 300_000
AT_ONCE = 5_000
EVENTS = 100_000
STORE = "s1"
MEGABYTE = 1_000_000


class Measured(msgspec.Struct):
    """What one of the steps took."""

    what: str
    seconds: float
    processor: float
    note: str = ""


async def fill(db: Database, size: int) -> None:
    """A store, the products, and a stock row of each."""
    now = datetime.now(UTC)
    rows = list(catalogue(size))
    async with db.writer.begin() as connection:
        await connection.execute(insert(tables.stores), [{"id": STORE, "name": "One", "created_at": now}])
        for start in range(0, size, AT_ONCE):
            some = rows[start : start + AT_ONCE]
            await add_products(connection, {x.sku: x for x in some})
            codes = [{"barcode": f"{start + n:013}", "product_id": x.sku, "quantity": 1} for n, x in enumerate(some)]
            await connection.execute(insert(tables.barcodes), codes)
            stock = {"store_id": STORE, "on_hand": 9, "version": 3, "updated_at": now}
            await connection.execute(insert(tables.stock), [stock | {"product_id": x.sku} for x in some])
            _tell(f"filling: {start + AT_ONCE:,} of {size:,}")


async def sell_for_an_hour(db: Database) -> None:
    """What 3,600,000 events leave behind: every row has moved a dozen times."""
    async with db.writer.begin() as connection:
        s = tables.stock.c
        await connection.execute(update(tables.stock).values(version=s.version + 12, on_hand=s.on_hand - 3))


async def terminal(url: str, token: str, path: Path, size: int) -> list[Measured]:
    """All that a terminal does, in its own process."""
    api = Api(url)
    session = Session(
        token, datetime(2099, 1, 1, tzinfo=UTC), "ana", "Ana", "clerk", STORE, "One", (Store(STORE, "One"),)
    )
    api.use(session)
    cache = Cache(path, STORE)
    measured: list[Measured] = []

    async def timed(what: str, work: object, note: str = "") -> None:
        begun, used = perf_counter(), process_time()
        await work  # type: ignore[misc]
        measured.append(Measured(what, perf_counter() - begun, process_time() - used, note))

    def progress(now: Progress) -> None:
        _tell(f"snapshot: {now.done:,} of {now.total:,}")

    await timed("cold start", load(cache, api, progress))
    measured[-1].note = f"file {_size(path):.0f} MB, at most {_memory():.0f} MB of memory"
    measured += await questions(cache, size)
    await timed("digest without a difference", compare(cache, api, Healed()))
    sync = Sync(cache, api, session, "T1")
    await timed(f"{EVENTS:,} events heard and written", hear(sync, size))
    measured[-1].note = f"{measured[-1].processor / EVENTS * 1e6:.0f} µs of processor each"
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    await timed("catching up with an hour of 1,000 events/s", compare(cache, api, Healed()))
    await timed("digest after it", compare(cache, api, Healed()))
    measured.append(Measured("memory at the end", 0, 0, f"at most {_memory():.0f} MB"))
    await cache.close()
    await api.close()
    return measured


async def questions(cache: Cache, size: int) -> list[Measured]:
    """Searches and scans, each kind as often as a noisy neighbour needs."""
    measured = []
    everything: list[tuple[float, float]] = []
    for kind, words in QUESTIONS.items():
        waits = [await _asked(cache, word) for _ in range(20) for word in words]
        everything += waits
        measured.append(_waits(f"search: {kind}", waits))
    measured.append(_waits("search: all", everything))
    scans = [await _scanned(cache, f"{n * 37 % size:013}") for n in range(2_000)]
    measured.append(_waits("scan", scans))
    return [*measured, await _without_index(cache)]


async def _asked(cache: Cache, words: str) -> tuple[float, float]:
    begun, used = perf_counter(), process_time()
    await cache.search(words)
    return perf_counter() - begun, process_time() - used


async def _scanned(cache: Cache, code: str) -> tuple[float, float]:
    begun, used = perf_counter(), process_time()
    coded = await cache.by_code(code)
    assert coded is not None
    await cache.stock(coded.product.id)
    return perf_counter() - begun, process_time() - used


async def _without_index(cache: Cache) -> Measured:
    words = search_words("chocolate milk")
    condition = " AND ".join(["(instr(name_words, ?) OR instr(more_words, ?))"] * len(words))
    statement = f"SELECT number FROM products WHERE {condition} ORDER BY name_words LIMIT 50"
    values = [word for word in words for _ in range(2)]
    waits = []
    for _ in range(10):
        begun, used = perf_counter(), process_time()
        await cache.look(lambda db: db.execute(statement, values).fetchall())
        waits.append((perf_counter() - begun, process_time() - used))
    return _waits("the same file without its index", waits)


async def hear(sync: Sync, size: int) -> None:
    """Takes in events as NATS brings them, and writes them as they gather."""
    writing = asyncio.create_task(sync._write())
    for number in range(EVENTS):
        row = StockRow(STORE, f"P{number * 7 % size:07}", 8, version=4 + number // size)
        told = {"store_id": STORE, "at": datetime.now(UTC), "stock": [row]}
        await sync._on_message(SimpleNamespace(data=msgspec.json.encode(told)))  # type: ignore[arg-type]
        if number % 50 == 0:
            await asyncio.sleep(0)
    await sync.cache.flush()
    writing.cancel()


def _waits(what: str, waits: Iterable[tuple[float, float]]) -> Measured:
    seconds, used = zip(*waits, strict=True)
    note = f"p50 {median(seconds) * 1000:.1f} ms, p95 {_p95(seconds):.1f}; processor p50 {median(used) * 1000:.1f}"
    return Measured(what, 0, 0, f"{note}, p95 {_p95(used):.1f}")


def _p95(seconds: Iterable[float]) -> float:
    return quantiles(seconds, n=100)[94] * 1000


def _size(path: Path) -> float:
    return sum(x.stat().st_size for x in path.parent.glob(f"{path.name}*")) / MEGABYTE


def _memory() -> float:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes * 1024 / MEGABYTE


def _tell(what: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{what}")
        sys.stderr.flush()


async def _run(size: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        here = Path(directory)
        url = f"sqlite+aiosqlite:///{here / 'shop.db'}"
        await migrate(url)
        db = open_database(url)
        await fill(db, size)
        server = Server(url, here)
        server.start()
        server.wait_until_ready()
        try:
            measured = await _with_server(server, db, here, size)
        finally:
            server.stop()
            await db.close()
    table = Table(title=f"A terminal with {size:,} products and as many stock rows", title_justify="left")
    for column in ("", "seconds", "of the processor", ""):
        table.add_column(column)
    for one in measured:
        seconds, used = (f"{one.seconds:.1f}", f"{one.processor:.1f}") if one.seconds else ("", "")
        table.add_row(one.what, seconds, used, one.note)
    Console(width=150).print(table)


async def _with_server(server: Server, db: Database, here: Path, size: int) -> list[Measured]:
    tokens = Tokens(load_signing_key(here / "key.pem"))
    token, _ = tokens.issue(
        user="ana", role="clerk", stores=[STORE], store_id=STORE, terminal_id="T1", session_id="bench"
    )
    copy = here / "terminal" / "copy.db"
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __spec__.name, "--products", str(size), "--terminal", server.url, token, str(copy)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    await child.stdout.readline()
    await sell_for_an_hour(db)
    said, _ = await child.communicate(b"sold\n")
    return msgspec.json.decode(said, type=list[Measured])


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=PRODUCTS)
    parser.add_argument("--terminal", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.terminal:
        url, token, path = options.terminal
        measured = asyncio.run(terminal(url, token, Path(path), options.products))
        sys.stdout.write(msgspec.json.encode(measured).decode())
    else:
        asyncio.run(_run(options.products))


if __name__ == "__main__":
    main()
