"""How long the search of a large catalogue takes, on both databases, against the scan that it replaces.

    uv run python -m tests.benchmarks.search

The catalogue is made of the demo's names with made-up brands and sizes. All questions are asked in turn, so that a
noisy neighbour meets each of them; the yardstick is a scan with `LIKE '%word%'` over the same texts in the same run.
Milliseconds as a route waits for a page of 50 with its products, without HTTP and without a view.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

from rich.console import Console
from rich.table import Table
from sqlalchemy import and_, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.catalogue.queries import Draft, add_products
from backend.catalogue.word_search import search_products
from backend.database import tables
from backend.database.engine import Database, migrate, open_database
from backend.database.reads import reading
from backend.demo.names import product_names, readable
from backend.demo.source import products as source_products
from backend.model.search import search_words
from tests.servers import postgres_server

PRODUCTS = 300_000
AT_ONCE = 5_000
PAGE = 50
QUESTIONS = {
    "one letter": ("m", "b", "x", "é"),
    "two letters": ("mi", "ch", "st"),
    "as it is typed": ("cho", "choco", "chocolate", "yogur", "orange ju"),
    "one word": ("milk", "yogurt", "frozen", "grocery", "produce"),
    "several words": ("chocolate milk", "frozen pizza pepperoni", "soft drinks 12 oz", "mílk ÓRGANIC"),
    "a code": ("P0123456", "p01", "P02999"),
    "typing errors": ("choclate", "yoghurt", "frozne pizza", "peperoni", "detergant"),
    "inside a word": ("colate", "ocol"),
    "nothing": ("qqqqzz", "zzyzx milk"),
    "everything": ("",),
}
SCANNED = ("m", "milk", "chocolate milk", "choclate")
"""Questions that the scan is asked too."""


def catalogue(size: int) -> Iterator[Draft]:
    """Yields rows of products, always the same."""
    chance = random.Random(1)
    source = source_products()
    names = product_names(source)
    syllables = [c + v for c in "bcdfghjklmnprstvz" for v in "aeiou"]
    brands = ["".join(chance.choices(syllables, k=chance.choice((2, 3, 3, 4)))).capitalize() for _ in range(6_000)]
    for number, product in zip(range(size), cycle(source), strict=False):
        brand, kind = chance.choice(brands), names[product.id].split(" No. ")[0]
        name = f"{brand} {kind}" if number % 3 else f"{kind} {brand} {chance.randint(1, 48)} oz"
        sku, category, department = f"P{number:07}", readable(product.category), readable(product.department)
        yield Draft(sku, name[:200], product.price_cents, "", category, department, brand, "", None)


async def fill(db: Database, size: int) -> float:
    """Adds the products, as an import would; returns the seconds of 100,000 of them."""
    drafts, begun = list(catalogue(size)), perf_counter()
    async with db.writer.begin() as connection:
        for start in range(0, size, AT_ONCE):
            await add_products(connection, {draft.sku: draft for draft in drafts[start : start + AT_ONCE]})
            _tell(f"{db.dialect}: {start + AT_ONCE:,} of {size:,} products")
    took = perf_counter() - begun
    async with db.writer.begin() as connection:
        await connection.execute(text("ANALYZE"))
    return took / size * 100_000


async def scan(connection: AsyncConnection, query: str) -> None:
    """Asks as a table without indexes would have to be asked."""
    p = tables.products.c
    words = and_(*(p.search_text.like(f"%{word}%") for word in search_words(query)))
    page = select(p.id, p.name, func.count().over()).where(words).order_by(p.name, p.id).limit(PAGE)
    (await connection.execute(page)).all()


async def measure(db: Database, rounds: int, table: Table) -> None:
    """Adds a row for each kind of question, for all of them, and for the scan."""
    waits: dict[str, list[float]] = {kind: [] for kind in QUESTIONS}
    scans: list[float] = []
    async with reading(db, at_leisure=True) as connection:
        for number in range(rounds + 1):
            _tell(f"{db.dialect}: round {number} of {rounds}")
            for kind, queries in QUESTIONS.items():
                for query in queries:
                    begun = perf_counter()
                    await search_products(connection, query, limit=PAGE)
                    if number:  # the first round fills caches
                        waits[kind].append((perf_counter() - begun) * 1000)
            if number and number % 10 == 0:
                for query in SCANNED:
                    begun = perf_counter()
                    await scan(connection, query)
                    scans.append((perf_counter() - begun) * 1000)
    for kind, some in waits.items():
        table.add_row(db.dialect, kind, *_percentiles(some))
    table.add_row(db.dialect, "[bold]all[/bold]", *_percentiles([x for some in waits.values() for x in some]))
    table.add_row(db.dialect, "the scan", *_percentiles(scans), end_section=True)


def _percentiles(waits: list[float]) -> list[str]:
    hundredths = quantiles(waits, n=100)
    return [f"{x:.1f}" for x in (median(waits), hundredths[94], hundredths[98])]


async def _run(size: int, rounds: int) -> None:
    table = Table(title=f"Search of {size:,} products, ms", title_justify="left")
    for column in ("database", "question"):
        table.add_column(column, no_wrap=True)
    for column in ("p50", "p95", "p99"):
        table.add_column(column, justify="right")
    imports = []
    with tempfile.TemporaryDirectory() as directory, postgres_server() as postgres:
        for url in (f"sqlite:///{Path(directory) / 'shop.db'}", postgres.url(postgres.create_database())):
            await migrate(url)
            db = open_database(url)
            try:
                imports.append(f"{db.dialect} took {await fill(db, size):.1f} s for 100,000 new products")
                if db.dialect == "postgresql":
                    name = url.rpartition("/")[2]
                    await asyncio.to_thread(postgres.execute, "VACUUM ANALYZE", name)
                await measure(db, rounds, table)
            finally:
                await db.close()
    console = Console()
    console.print(table)
    console.print("; ".join(imports))


def _tell(what: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{what}")
        sys.stderr.flush()


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=PRODUCTS)
    parser.add_argument("--rounds", type=int, default=50)
    options = parser.parse_args()
    asyncio.run(_run(options.products, options.rounds))


if __name__ == "__main__":
    main()
