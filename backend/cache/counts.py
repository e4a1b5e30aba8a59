"""Counting requests per minute: a sliding window in the process, which Redis makes one window for all servers.

A request is counted and judged in memory. Ten times a second each server tells Redis what it has counted and is told
what all have counted, in one round trip for all callers together. So no request waits for Redis, and when it is away
nothing changes but that each server counts for itself.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import floor
from time import time
from typing import NamedTuple

from .link import RedisAway, RedisLink

WINDOW = 60
"""Seconds that a limit speaks of."""
SETTLE_SECONDS = 0.1
"""How long servers do not know of each other's counts: what a caller gets in that time may exceed the limit."""

_ADD = """
local sums = {}
for i = 2, #ARGV, 2 do
  sums[i - 1] = redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
  sums[i] = tonumber(redis.call('HGET', KEYS[2], ARGV[i]) or 0)
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return sums
"""
"""Adds to this minute's counts; answers each key's sum in this minute and in the last one."""


class Taken(NamedTuple):
    """What is left after a request."""

    left: int
    """Requests that may follow at once."""
    wait: float | None
    """None: the request was counted. Else it was one too many, and the next may come in so many seconds."""


class Counts:
    """Requests per key in this minute and the last, which counts by the part that the sliding window still covers."""

    def __init__(self) -> None:
        self._minute = 0
        self._last: dict[str, int] = {}
        self._this: dict[str, int] = {}
        self._untold: Counter[str] = Counter()

    def take(self, key: str, limit: int, now: float | None = None) -> Taken:
        """Count a request of `key`, unless it would be one more than `limit` within WINDOW seconds."""
        part = self._turn(time() if now is None else now)
        last, this = self._last.get(key, 0), self._this.get(key, 0)
        left = limit - floor(last * (1 - part) + this)
        if left < 1:
            return Taken(0, _wait(last, this, part, limit))
        self._this[key] = this + 1
        self._untold[key] += 1
        return Taken(left - 1, None)

    async def settle(self, link: RedisLink) -> None:
        """Tell Redis what was counted since the last time, and learn what all servers have counted of the same keys.

        What cannot be told is not told later: the other servers never hear of it, and a minute later nobody counts it.
        """
        minute, told = self._minute, self._untold
        if not told:
            return
        self._untold = Counter()
        keys = [f"mostrador:{{requests}}:{number}" for number in (minute, minute - 1)]
        try:
            async with link.asking() as redis:
                sums = await redis.register_script(_ADD)(
                    keys, [3 * WINDOW, *(x for pair in told.items() for x in pair)]
                )
        except RedisAway:
            return
        if minute == self._minute:
            for key, this, last in zip(told, sums[::2], sums[1::2], strict=True):
                # Never less than before: a Redis that was started again has forgotten.
                self._this[key] = max(self._this[key], this + self._untold[key])
                self._last[key] = max(self._last.get(key, 0), last)

    def _turn(self, now: float) -> float:
        """Begin a new minute if it is time; answers the part of it that has passed."""
        minute, passed = divmod(now, WINDOW)
        if minute != self._minute:
            self._last = self._this if minute == self._minute + 1 else {}
            self._this = {}
            self._untold = Counter()
            self._minute = int(minute)
        return passed / WINDOW


@asynccontextmanager
async def counting(link: RedisLink | None) -> AsyncIterator[Counts]:
    """Counts that are settled with Redis, if there is one, until the end of the block."""
    counts = Counts()
    if link is None:
        yield counts
        return
    settling = asyncio.create_task(_keep_settled(counts, link), name="counts")
    yield counts
    settling.cancel()
    await asyncio.gather(settling, return_exceptions=True)


async def _keep_settled(counts: Counts, link: RedisLink) -> None:
    while True:
        await asyncio.sleep(SETTLE_SECONDS)
        await counts.settle(link)


def _wait(last: int, this: int, part: float, limit: int) -> float:
    """Seconds after which less than `limit` counts. Rounded: 16.999… is 17, and 17 whole seconds are not enough."""
    parts = 1 - (limit - this) / last - part if this < limit else 1 - part + 1 - limit / this
    return round(parts * WINDOW, 6)
