"""Comparing the copy with the server by sums, and making the buckets that differ what they are there."""

import sqlite3
from collections.abc import Sequence
from time import time

from msgspec import Struct

from backend.model.stock import StockRow
from backend.model.sync import BucketSum, CopiedProduct, Digest
from backend.terminal.api import Api

from . import writing
from .cache import Cache
from .intake import Query, Stream

AT_ONCE = 300
"""Buckets asked for in one request, whose address has its limits."""


class Differences(Struct, frozen=True):
    """What was put right: products of the catalogue, and stock rows with the version they have now (0: none)."""

    catalogue: frozenset[str]
    stock: dict[str, int]


class Healed(Struct):
    """Counts what was put right since the server was told last."""

    catalogue: int = 0
    stock: int = 0

    @property
    def said(self) -> str:
        """The same as the header `X-Terminal-Healed` says it."""
        return f"catalogue={self.catalogue} stock={self.stock}"


async def compare(cache: Cache, api: Api, healed: Healed) -> Differences:
    """Make the copy what the server has. Returns what differed, changes that are on their way included.

    Raises what `Api` and `Cache` raise; then a part of it may have been put right.
    """
    said = healed.said
    digest = await api.read("/sync/digest", Digest, {"store_id": cache.store_id}, **{"x-terminal-healed": said})
    healed.catalogue, healed.stock = 0, 0
    await cache.flush()
    here = await cache.look(lambda db: (writing.catalogue_sums(db), writing.stock_sums(db)))
    catalogue, stock = _differing(here[0], digest.catalogue), _differing(here[1], digest.stock)
    products: set[str] = set()
    rows: dict[str, int] = {}
    for start in range(0, len(catalogue), AT_ONCE):
        products |= await _heal_products(cache, api, catalogue[start : start + AT_ONCE])
    # Stock of a product that was not here is in no sum.
    for start in range(0, len(stock), AT_ONCE):
        rows |= await _heal_stock(cache, api, stock[start : start + AT_ONCE])
    await cache.flush({"catalogue": digest.catalogue_position, "events": digest.events_position})
    return Differences(frozenset(products), rows)


def _differing(here: set[BucketSum], there: Sequence[BucketSum]) -> list[int]:
    return sorted({x.bucket for x in here ^ set(there)})


async def _heal_products(cache: Cache, api: Api, buckets: Sequence[int]) -> set[str]:
    before = await cache.look(lambda db: writing.products_in(db, buckets))
    query: Query = {"store_id": cache.store_id, "catalogue": ",".join(map(str, buckets))}
    found: set[str] = set()
    changed: set[str] = set()
    async for part in Stream(api, "/sync/buckets", query):
        found |= {x.id for x in part.products}
        differ = [x for x in part.products if before.get(x.id) != (x.number, x.mark, x.price_cents)]
        if differ:
            changed |= await _put(cache, differ)
    gone = list(before.keys() - found)
    if gone:
        await cache.write(lambda db: writing.remove_products(db, gone), gone, {})
    return changed | set(gone)


async def _put(cache: Cache, products: Sequence[CopiedProduct]) -> set[str]:
    ids = {x.id for x in products}
    await cache.write(lambda db: writing.put_products(db, products), ids, {})
    return ids


async def _heal_stock(cache: Cache, api: Api, buckets: Sequence[int]) -> dict[str, int]:
    before = await cache.look(lambda db: writing.stock_in(db, cache.store_id, buckets))
    query: Query = {"store_id": cache.store_id, "stock": ",".join(map(str, buckets))}
    found: dict[str, StockRow] = {}
    async for part in Stream(api, "/sync/buckets", query):
        found |= {x.product_id: x.row(cache.store_id) for x in part.stock}

    def heal(db: sqlite3.Connection) -> set[str]:
        return writing.heal_stock(db, before, found, time())

    changed = await cache.write(heal, (), {})
    cache.tell(changed)
    return {x: found[x].version if x in found else 0 for x in changed}
