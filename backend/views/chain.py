"""The stock of a product in every store, kept in Redis and written through from every commit.

A view is one hash: its base is what one read of the database found, its rows are what has changed since. Every server
writes the rows of its own commits, within milliseconds and as many as have gathered. Base and rows are kept only if
nothing newer is there, so order, copies and late writers are harmless. A base serves for LIFE seconds: so long a server
that died between its commit and its writing can be missed. Rows stay for as long, so none is gone when a base without
it arrives.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import chain, islice, takewhile
from time import monotonic, time
from typing import Any

from msgspec import Struct, json, structs

from backend.cache.flight import SingleFlight
from backend.cache.link import PAUSE, RedisAway, RedisLink
from backend.cache.view import Viewed, age_of, count
from backend.model.events import Outgoing
from backend.model.stock import Key, StockRow
from backend.stock.queries import StockLevel

LIFE = 10.0
"""Seconds that a base may serve."""
OWN_SECONDS = 2.0
"""How long a server remembers its own commits, beside Redis: longer than a read takes that began before the commit."""
MAX_ROWS = 500
"""Rows written at once. Redis is busy with them for about a millisecond."""

GATHER = 0.01
"""Seconds between two writes, in which rows gather: a write costs as much as twenty rows in it."""

_PUT_ROWS = """
for i = 1, #KEYS do
  local store, row = ARGV[2 * i], ARGV[2 * i + 1]
  local old = redis.call('HGET', KEYS[i], store)
  if not old or tonumber(string.match(old, '^%d+')) < tonumber(string.match(row, '^%d+')) then
    redis.call('HSET', KEYS[i], store, row)
    redis.call('PEXPIRE', KEYS[i], ARGV[1])
  end
end
"""
"""A row is its version, a space and JSON."""
_PUT_BASE = """
local old = redis.call('HGET', KEYS[1], '')
if not old or tonumber(string.match(old, '^%d+')) <= tonumber(string.match(ARGV[2], '^%d+')) then
  redis.call('HSET', KEYS[1], '', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return redis.call('HGETALL', KEYS[1])
"""
"""A base has the sum of its rows' versions, which grows with every commit. Its field has the name that no store has."""


class _Base(Struct):
    as_of: float
    levels: list[StockLevel]


class _Change(Struct):
    row: StockRow
    at: datetime


class _Own(Struct):
    change: _Change
    since: float


_base = json.Decoder(_Base)
_change = json.Decoder(_Change)


class ChainStock:
    """The views of all products, from `start` to `close`."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._flights: SingleFlight[tuple[_Base, dict[bytes, bytes]]] = SingleFlight()
        self._own: dict[Key, _Own] = {}  # by the time of their commits
        self._unwritten: dict[Key, _Change] = {}
        self._work = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to write what is committed."""
        self._writer = asyncio.create_task(self._write(), name="chain-stock")

    async def close(self) -> None:
        """Stop. What is not written yet is missed by nobody for longer than LIFE."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)

    def committed(self, batch: Sequence[Outgoing]) -> None:
        """Take note of what was just committed on this server."""
        now = monotonic()
        for outgoing in batch:
            for row in outgoing.message.stock:
                key = row.store_id, row.product_id
                self._own.pop(key, None)
                self._own[key] = _Own(_Change(row, outgoing.message.at), now)
                self._unwritten[key] = self._own[key].change
        self._work.set()

    async def read(self, product_id: str, load: Callable[[], Awaitable[list[StockLevel]]]) -> Viewed[list[StockLevel]]:
        """Returns the stock of a product in every store, never older than what this server has committed.

        `load` reads it from the database, if there is no view. Raises what it raises.
        """
        try:
            async with self._link.asking() as redis:
                fields: Any = await redis.hgetall(_key(product_id))
            base = _base_in(fields)
            result = "miss" if base is None else "hit"
        except RedisAway:
            base, result = None, "away"
        count("chain_stock", result)
        if base is None:
            base, fields = await self._flights.run(product_id, lambda: self._compute(product_id, load))
        return Viewed([self._newest(level, fields) for level in base.levels], age_of(base.as_of))

    def as_committed(self, levels: Sequence[StockLevel]) -> list[StockLevel]:
        """Rows read at most OWN_SECONDS ago, never older than what this server has committed."""
        return [self._newest(level, {}) for level in levels]

    async def _compute(
        self, product_id: str, load: Callable[[], Awaitable[list[StockLevel]]]
    ) -> tuple[_Base, dict[bytes, bytes]]:
        base = _Base(time(), await load())
        if base.levels:  # products that are not there could fill the memory
            value = _versioned(sum(level.row.version for level in base.levels), base)
            with suppress(RedisAway):
                flat = await self._link.run(_PUT_BASE, [_key(product_id)], [_milliseconds(LIFE), value])
                fields = dict(zip(flat[::2], flat[1::2], strict=True))
                return _base_in(fields) or base, fields
        return base, {}

    def _newest(self, level: StockLevel, fields: Mapping[bytes, bytes]) -> StockLevel:
        written = fields.get(level.row.store_id.encode())
        changes = [_change.decode(_content(written))] if written else []
        if own := self._own.get((level.row.store_id, level.row.product_id)):
            changes.append(own.change)
        for change in changes:
            if change.row.version > level.row.version:
                level = structs.replace(level, row=change.row, updated_at=change.at)
        return level

    async def _write(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            while changes := self._next():
                keys = [_key(product_id) for _, product_id in changes]
                rows = [(store, _versioned(change.row.version, change)) for (store, _), change in changes.items()]
                arguments: list[Any] = [_milliseconds(LIFE), *chain.from_iterable(rows)]
                try:
                    await self._link.run(_PUT_ROWS, keys, arguments)
                except RedisAway:
                    await asyncio.sleep(PAUSE)
                    continue
                for key, change in changes.items():
                    if self._unwritten[key] is change:
                        del self._unwritten[key]
                await asyncio.sleep(GATHER)

    def _next(self) -> dict[Key, _Change]:
        """Returns what is to be written next.

        What was committed LIFE seconds ago is in every base that still serves.
        """
        now = monotonic()
        for key, own in list(takewhile(lambda entry: entry[1].since < now - OWN_SECONDS, self._own.items())):
            if key not in self._unwritten or own.since < now - LIFE:
                del self._own[key]
                self._unwritten.pop(key, None)
        return dict(islice(self._unwritten.items(), MAX_ROWS))


def _base_in(fields: Mapping[bytes, bytes]) -> _Base | None:
    """Returns the base, unless it is too old to serve."""
    value = fields.get(b"")
    base = _base.decode(_content(value)) if value else None
    return base if base and age_of(base.as_of) < LIFE else None


def _key(product_id: str) -> str:
    return f"mostrador:chain:{product_id}"


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _versioned(version: int, content: object) -> bytes:
    return b"%d %b" % (version, json.encode(content))


def _content(value: bytes) -> bytes:
    return value.partition(b" ")[2]
