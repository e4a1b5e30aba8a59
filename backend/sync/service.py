"""The streams and sums that keep a copy equal to the database.

Pages are read one after the other, each when the one before was taken, so a stream takes the memory of one page and
keeps no connection to the database while its client reads slowly. Its rows need not be of one moment: every one carries
its version, and whatever changed after the stream's positions is told again by the events and changes behind these.
"""

import zlib
from asyncio import Semaphore
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

from msgspec import json
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.engine import Database
from backend.database.reads import moment, reading
from backend.events.feed import EventsAway, Feed
from backend.model.errors import MostradorError
from backend.model.scans import Mask
from backend.model.sync import Digest, Head, Part
from backend.stores.queries import require_store

from . import queries
from .queries import Changed

PAGE = 1_000
"""Rows of a line."""
READERS = 2
"""Pages and sums that one server reads at once for all copies: the counter has the other connections."""
_LAST = json.encode(Part(end=True)) + b"\n"
Row = TypeVar("Row")


class ChangesGone(MostradorError):
    """The database has never been at a position; it was restored from an older one."""

    code = "position_gone"

    def __init__(self) -> None:
        super().__init__("The catalogue does not know this position; compare by /sync/digest, and go on from there.")


class Copies:
    """Tells terminals what they keep copies of."""

    def __init__(self, db: Database, feed: Feed, masks: Sequence[Mask] = ()) -> None:
        self._db, self._feed = db, feed
        self._masks = tuple(mask.text for mask in masks)
        self._turns = Semaphore(READERS)

    async def snapshot(self, store_id: str, products_after: int, stock_after: str) -> AsyncIterator[bytes]:
        """Returns the lines of a whole copy, or of what is left of one. Raises UnknownStore."""
        head = await self._head(store_id)
        async with reading(self._db) as connection:
            products, stock = await queries.sizes(connection, store_id)
        whole = Head(head.store_id, head.at, head.catalogue, head.events, products, stock, head.in_store_codes)

        async def lines() -> AsyncIterator[bytes]:
            yield _line(whole)
            async for goods in self._pages(
                lambda connection, last: queries.products_behind(
                    connection, store_id, last.number if last else products_after, PAGE
                )
            ):
                yield _line(Part(products=tuple(goods)))
            async for rows in self._pages(
                lambda connection, last: queries.stock_behind(
                    connection, store_id, last.product_id if last else stock_after, PAGE
                )
            ):
                yield _line(Part(stock=tuple(rows)))
            yield _LAST

        return lines()

    async def changes(self, store_id: str, after: int) -> AsyncIterator[bytes]:
        """Returns the lines of all products that changed after a position. Raises UnknownStore and ChangesGone."""
        head = await self._head(store_id)
        if after > int(head.catalogue):
            raise ChangesGone

        async def lines() -> AsyncIterator[bytes]:
            yield _line(head)
            first = Changed(after, "")
            async for changed in self._pages(
                lambda connection, last: queries.changed_behind(connection, last or first, PAGE)
            ):
                ids = [one.product_id for one in changed]
                async with self._turns, reading(self._db) as connection:
                    found = await queries.products_of(connection, store_id, ids)
                there = {product.id for product in found}
                yield _line(Part(tuple(found), tuple(x for x in ids if x not in there)))
            yield _LAST

        return lines()

    async def buckets(self, store_id: str, catalogue: Sequence[int], stock: Sequence[int]) -> AsyncIterator[bytes]:
        """Returns the lines of what is in some buckets of the catalogue and of the stock. Raises UnknownStore."""
        head = await self._head(store_id)

        async def lines() -> AsyncIterator[bytes]:
            yield _line(head)
            async for goods in self._pages(
                lambda connection, last: queries.products_in(
                    connection, store_id, catalogue, last.number if last else -1, PAGE
                )
            ):
                yield _line(Part(products=tuple(goods)))
            async for rows in self._pages(
                lambda connection, last: queries.stock_in(
                    connection, store_id, stock, last.product_id if last else "", PAGE
                )
            ):
                yield _line(Part(stock=tuple(rows)))
            yield _LAST

        return lines()

    async def digest(self, store_id: str) -> Digest:
        """Returns the sums of the catalogue and of a store's stock. Raises UnknownStore."""
        head = await self._head(store_id)
        async with self._turns, reading(self._db) as connection:
            products = await queries.sums_of_products(connection)
            stock = await queries.sums_of_stock(connection, store_id)
        return Digest(store_id, head.catalogue, head.events, products, stock)

    async def _head(self, store_id: str) -> Head:
        """Returns the positions of now, which are taken before anything is read. Raises UnknownStore."""
        try:
            events = await self._feed.checked(None)
        except EventsAway:
            events = ""
        async with reading(self._db) as connection:
            await require_store(connection, store_id)
            catalogue, now = await queries.position(connection), await moment(connection)
        return Head(store_id, now, str(catalogue), events, in_store_codes=self._masks)

    async def _pages(
        self, read: Callable[[AsyncConnection, Row | None], Awaitable[Sequence[Row]]]
    ) -> AsyncIterator[Sequence[Row]]:
        """Yields all pages that `read` finds, which gets the last row of the page before."""
        last: Row | None = None
        while True:
            async with self._turns, reading(self._db) as connection:
                rows = await read(connection, last)
            if not rows:
                return
            last = rows[-1]
            yield rows


async def zipped(lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yields the lines as gzip has them, each in full before the next is read."""
    squeeze = zlib.compressobj(1, wbits=31)  # the quickest: a higher level saves a tenth and takes twice as long
    async for line in lines:
        yield squeeze.compress(line) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    yield squeeze.flush()


def _line(value: object) -> bytes:
    return json.encode(value) + b"\n"
