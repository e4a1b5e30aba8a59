"""Taking in what the server streams: a whole snapshot, which goes on where it broke off, or some products and stock."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from time import time

import msgspec

from backend.model.sync import Head, Part
from backend.terminal.api import Api, ServerAway, ServerRefused

from . import writing
from .cache import Cache

Query = dict[str, str | int]
_HEAD = msgspec.json.Decoder(Head)
_PART = msgspec.json.Decoder(Part)


class Progress(msgspec.Struct, frozen=True):
    """Rows of a snapshot that are here, and how many there are."""

    done: int
    total: int


async def load(cache: Cache, api: Api, tell: Callable[[Progress], None]) -> None:
    """Fill an empty copy by a snapshot, or go on with one that broke off. Raises what `Api` and `Cache` raise.

    Every part is kept at once with the place behind it. The positions are those of the first attempt: what changed
    since is told behind them, also of products that the first attempt brought.
    """
    query: Query = {"store_id": cache.store_id}
    query |= {k: cache.facts[k] for k in ("products_after", "stock_after") if k in cache.facts}
    begun = int(cache.facts.get("loaded", "0"))
    done = begun
    stream = Stream(api, "/sync/snapshot", query)
    async for part in stream:
        head = stream.head
        if "catalogue" not in cache.facts:
            await cache.flush(facts_of(head))
        done += len(part.products) + len(part.stock)
        facts = {"loaded": str(done)}
        if part.products:
            facts["products_after"] = str(part.products[-1].number)
        if part.stock:
            facts["stock_after"] = part.stock[-1].product_id
        if part.end:
            facts["complete"] = "1"
        await put(cache, part, facts, indexed=False)
        tell(Progress(done, max(done, head.products + head.stock)))


def facts_of(head: Head) -> dict[str, str]:
    """Returns what is to be remembered of the positions of a stream."""
    return {
        "store_id": head.store_id,
        "catalogue": head.catalogue,
        "events": head.events,
        "in_store_codes": " ".join(head.in_store_codes),
    }


async def put(cache: Cache, part: Part, facts: dict[str, str], *, indexed: bool = True) -> None:
    """Write what a part has, and `facts` with it; the words of products at the end, unless they are `indexed` now."""
    rows = [line.row(cache.store_id) for line in part.stock]

    def write(db: sqlite3.Connection) -> None:
        if part.removed:
            writing.remove_products(db, part.removed)
        if part.products:
            writing.put_products(db, part.products, indexed=indexed)
        if rows:
            writing.put_stock(db, rows, time())
        if part.end and not indexed:
            writing.index_words(db)

    changed = [*part.removed, *(x.id for x in part.products), *(x.product_id for x in part.stock)]
    await cache.write(write, changed, facts)


class Stream(AsyncIterator[Part]):
    """The parts of one of the server's streams; `head` is there with the first of them.

    Raises what `Api` raises, and ServerAway for a stream that ends before it says so.
    """

    def __init__(self, api: Api, path: str, query: Query) -> None:
        self._api, self._lines = api, api.lines(path, query)
        self._head: Head | None = None
        self._ended = False

    @property
    def head(self) -> Head:
        """The positions of the stream."""
        assert self._head is not None  # read before the first part
        return self._head

    def __aiter__(self) -> "Stream":
        """Returns itself."""
        return self

    async def __anext__(self) -> Part:
        """Returns the next part."""
        if self._ended:
            raise StopAsyncIteration
        try:
            if self._head is None:
                self._head = _HEAD.decode(await anext(self._lines))
            part = _PART.decode(await anext(self._lines))
        except StopAsyncIteration:
            message = "The server's answer broke off; it will be asked again."
            raise ServerAway(message, url=self._api.base_url) from None
        except msgspec.MsgspecError as error:
            message = "The server speaks a different version; update the terminal or the server."
            raise ServerRefused("version_mismatch", message) from error
        self._ended = part.end
        return part
