"""The copy as the counter uses it: every question is answered from the file, online and offline alike.

Two threads have a connection each. One reads, so that a scan never waits for a snapshot that is being written or for
the sums of a digest; the other writes. What was heard and is not written yet is kept in memory beside the file, so a
number that is read is never older than one that was heard.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import TypeVar

from msgspec import Struct

from backend.model.scans import masks_of
from backend.model.stock import StockRow
from backend.terminal.values import Product

from . import file, reading, search, writing
from .file import CacheUnusable
from .freshness import Freshness
from .reading import Coded, Step
from .writing import Cause

T = TypeVar("T")
Heard = tuple[StockRow, datetime, Cause | None]


class Number(Struct, frozen=True):
    """A stock row with its age: `age` in seconds, None if nothing was ever known of it.

    `unsent` are the units that leave (or come, if positive) with what this terminal has done and nobody knows yet.
    """

    row: StockRow
    age: float | None
    is_fresh: bool
    unsent: int = 0

    @property
    def available(self) -> int:
        """Units that may be sold now, as far as this terminal knows."""
        return self.row.available + self.unsent

    @property
    def as_of(self) -> float | None:
        """When the number was certain, in Unix time."""
        return None if self.age is None else time() - self.age


class Found(Struct, frozen=True):
    """A product that a search found, with what this store has of it."""

    product: Product
    stock: Number


class Results(Struct, frozen=True):
    """Some products that match, best first; whether there are more; whether only similar words were found."""

    found: tuple[Found, ...]
    more: bool = False
    similar: bool = False


class Cache:
    """The copy of a store in the file at `path`. Methods raise CacheUnusable and nothing else."""

    def __init__(
        self,
        path: Path,
        store_id: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        unsent: Callable[[str], int] = lambda product_id: 0,
    ) -> None:
        """`now` is the time by which prices are judged; `unsent` says a product's units in acts not sent yet."""
        self.path, self.store_id = path, store_id
        self.changed = asyncio.Event()
        """Set whenever numbers or products have changed; see `take_changed`."""
        self.rebuilt = asyncio.Event()
        """Set when the file was damaged and begun anew: it is to be filled again."""
        self._now, self._unsent = now, unsent
        self._dirty: set[str] = set()
        self._heard: dict[str, StockRow] = {}
        self._steps: list[Heard] = []
        self._mending = asyncio.Lock()
        self._reads = ThreadPoolExecutor(1, "cache-reads")
        self._writes = ThreadPoolExecutor(1, "cache-writes")
        self._open()

    def _open(self) -> None:
        self._writer = file.opened(self.path)
        try:
            self._reader = file.reader(self.path)
            self._learn(writing.facts(self._writer))
            if self.facts.get("store_id", self.store_id) != self.store_id:
                raise CacheUnusable(self.path, f"it is of store {self.facts['store_id']}")
        except sqlite3.Error as error:
            raise CacheUnusable(self.path, str(error)) from error
        self.freshness = Freshness(float(self.facts["sure_at"]) if "sure_at" in self.facts else None)

    def _learn(self, facts: dict[str, str]) -> None:
        self.facts = facts
        self._masks = masks_of(facts.get("in_store_codes", ""))

    async def close(self) -> None:
        """Write what was heard, and close the file."""
        await self.flush()
        for pool in (self._reads, self._writes):
            await asyncio.to_thread(pool.shutdown)
        self._reader.close()
        self._writer.close()

    @property
    def is_complete(self) -> bool:
        """Whether a whole snapshot was taken in; until then only a part of the catalogue is there."""
        return self.facts.get("complete") == "1"

    # What the counter asks.

    async def by_code(self, code: str) -> Coded | None:
        """Returns the product with a barcode (of a unit or of a pack), an SKU or an id; None if there is none."""
        masks, now = self._masks, self._now()
        return await self._read(lambda db: reading.by_code(db, self.store_id, code, masks, now))

    async def search(self, words: str, limit: int = 50, offset: int = 0) -> Results:
        """Returns products with a word that begins with each of `words`, as the server's search does."""
        now = self._now()

        def look(db: sqlite3.Connection) -> tuple[search.Hits, list[Product], dict[str, tuple[StockRow, float]]]:
            hits = search.find(db, words, limit, offset)
            products = reading.products(db, self.store_id, hits.numbers, now)
            return hits, products, reading.stock_of(db, self.store_id, [x.id for x in products])

        hits, products, stock = await self._read(look)
        found = tuple(Found(product, self._number(product.id, stock.get(product.id))) for product in products)
        return Results(found, hits.more, hits.similar)

    async def product(self, product_id: str) -> Product | None:
        """Returns a product by its id."""
        now = self._now()

        def look(db: sqlite3.Connection) -> list[Product]:
            number = reading.number_of(db, product_id)
            return reading.products(db, self.store_id, [] if number is None else [number], now)

        return next(iter(await self._read(look)), None)

    async def stock(self, product_id: str) -> Number:
        """Returns what this store has of a product, and how old that is."""
        return (await self.stock_of([product_id]))[product_id]

    async def stock_of(self, product_ids: Collection[str]) -> dict[str, Number]:
        """Returns what this store has of products."""
        found = await self._read(lambda db: reading.stock_of(db, self.store_id, list(product_ids)))
        return {product_id: self._number(product_id, found.get(product_id)) for product_id in product_ids}

    async def explain(self, product_id: str) -> list[Step]:
        """Returns the last steps of this store's stock of a product that are known here, the last first."""
        await self.flush()
        return await self._read(lambda db: reading.steps_of(db, self.store_id, product_id))

    def _number(self, product_id: str, written: tuple[StockRow, float] | None) -> Number:
        row, at = written or (StockRow(self.store_id, product_id), None)
        heard = self._heard.get(product_id)
        if heard is not None and heard.version >= row.version:
            row, at = heard, time()
        age = self.freshness.age(at)
        return Number(row, age, age == 0.0 and self.freshness.is_live, self._unsent(product_id))

    # What is heard.

    def take(self, rows: Iterable[StockRow], at: datetime | None = None, cause: Cause | None = None) -> None:
        """Take in rows that an event or an answer carried, if they are newer; `flush` writes them."""
        at = at or datetime.now(UTC)
        for row in rows:
            if row.store_id != self.store_id:
                continue
            known = self._heard.get(row.product_id)
            if known is None or known.version < row.version:
                self._heard[row.product_id] = row
            self._steps.append((row, at, cause))
            self.tell([row.product_id])

    def take_changed(self) -> set[str]:
        """Returns the products that changed since the last call."""
        self.changed.clear()
        dirty, self._dirty = self._dirty, set()
        return dirty

    def tell(self, product_ids: Iterable[str]) -> None:
        """Say that these products have changed."""
        before = len(self._dirty)
        self._dirty.update(product_ids)
        if len(self._dirty) > before:
            self.changed.set()

    async def flush(self, facts: dict[str, str] | None = None) -> None:
        """Write what was heard until now, and `facts` with it, in one transaction."""
        rows, steps = dict(self._heard), self._steps
        if not rows and not facts:
            return
        self._steps = []

        def write(db: sqlite3.Connection) -> None:
            writing.put_stock(db, rows.values(), time())
            writing.put_steps(db, steps)

        await self.write(write, (), facts or {})
        for product_id, row in rows.items():
            if self._heard.get(product_id) is row:
                del self._heard[product_id]

    async def write(self, work: Callable[[sqlite3.Connection], T], changed: Iterable[str], facts: dict[str, str]) -> T:
        """Returns what `work` writes in one transaction with `facts`; `changed` are products that it changes."""

        def run() -> T:
            with writing.transaction(self._writer):
                writing.put_facts(self._writer, facts)
                return work(self._writer)

        done = await self._in(self._writes, run)
        if facts:
            self._learn(self.facts | facts)
        self.tell(changed)
        return done

    async def look(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Returns what `work` reads at length, on the connection that writes: the other is for the counter."""
        return await self._in(self._writes, lambda: work(self._writer))

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._in(self._reads, lambda: work(self._reader))

    async def _in(self, pool: ThreadPoolExecutor, run: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        writer = self._writer
        try:
            return await loop.run_in_executor(pool, run)
        except sqlite3.Error as error:
            if not file.is_damage(error):
                raise CacheUnusable(self.path, str(error)) from error
        await self._begin_anew(writer)
        try:
            return await loop.run_in_executor(pool, run)
        except sqlite3.Error as error:
            raise CacheUnusable(self.path, str(error)) from error

    async def _begin_anew(self, damaged: sqlite3.Connection) -> None:
        """Set the damaged file aside and open an empty one, once for all who have met the damage."""
        async with self._mending:
            if self._writer is not damaged:
                return
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._reads, self._reader.close)
            await loop.run_in_executor(self._writes, self._writer.close)
            try:
                file.set_aside(self.path)
            except OSError as error:
                raise CacheUnusable(self.path, str(error)) from error
            self._open()
            self.rebuilt.set()
            self.changed.set()
