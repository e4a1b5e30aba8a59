"""Answers that cost too much to compute for every caller, kept in Redis until what they are made of changes."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from time import time
from typing import Any, Generic, TypeVar

from msgspec import json

from .flight import SingleFlight
from .link import RedisAway, RedisLink
from .view import Viewed, age_of, count

T = TypeVar("T")

_MOVE = """
local now = redis.call('TIME')
local old = tonumber(redis.call('GET', KEYS[1]) or 0)
redis.call('SET', KEYS[1], string.format('%d', math.max(old + 1, now[1] * 1000 + math.floor(now[2] / 1000))))
"""
"""A new generation. It is a moment, so that one which Redis has forgotten never comes again."""
_PUT = """
local old = redis.call('GET', KEYS[1])
if old then
  local generation, as_of = string.match(old, '^(%d+) (%d+) ')
  generation = tonumber(generation) - tonumber(ARGV[1])
  if generation > 0 or (generation == 0 and tonumber(as_of) > tonumber(ARGV[2])) then return end
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. ARGV[3], 'PX', ARGV[4])
"""
"""Keeps an answer unless a newer one is there: of a later generation, or read later in the same one."""


class Shelf(Generic[T]):
    """Answers of one kind, by the question. An answer of another generation than the present one is none."""

    def __init__(self, link: RedisLink, name: str, kind: type[T], life: float) -> None:
        """Answers are of the type `kind` and kept for `life` seconds, which heals what a server died before telling."""
        self._link = link
        self._name = name
        self._decoder = json.Decoder(kind)
        self._life = life
        self._flights: SingleFlight[Viewed[T]] = SingleFlight()
        self._changes = 0
        self._told = 0

    async def moved(self) -> None:
        """What the answers are made of has changed: from now on none of them holds."""
        self._changes += 1
        with suppress(RedisAway):
            await self._tell()

    async def read(self, question: str, load: Callable[[], Awaitable[T]]) -> Viewed[T]:
        """Returns the answer to `question`.

        `load` computes it from the database if there is none; raises what it raises.
        """
        key = self._key(blake2b(question.encode(), digest_size=16).hexdigest())
        try:
            await self._tell()
            async with self._link.asking() as redis:
                found: Any = redis.mget(self._key("generation"), key)
                known, kept = await found
        except RedisAway:
            count(self._name, "away")
            return await self._flights.run(f"{self._changes} {key}", partial(_compute, load))
        generation = int(known or 0)
        if kept:
            made, as_of, answer = kept.split(b" ", 2)
            if int(made) == generation:
                count(self._name, "hit")
                return Viewed(self._decoder.decode(answer), age_of(int(as_of) / 1000))
        count(self._name, "miss")
        return await self._flights.run(f"{generation} {key}", partial(self._fill, key, generation, load))

    async def _fill(self, key: str, generation: int, load: Callable[[], Awaitable[T]]) -> Viewed[T]:
        as_of = int(time() * 1000)
        answer = await _compute(load)
        with suppress(RedisAway):
            arguments = [generation, as_of, json.encode(answer.value), int(self._life * 1000)]
            await self._link.run(_PUT, [key], arguments)
        return answer

    async def _tell(self) -> None:
        """Begin a new generation, if something changed that Redis has not been told."""
        changes = self._changes
        if changes > self._told:
            await self._link.run(_MOVE, [self._key("generation")], [])
            self._told = max(self._told, changes)

    def _key(self, name: str) -> str:
        return f"mostrador:{self._name}:{name}"


async def _compute(load: Callable[[], Awaitable[T]]) -> Viewed[T]:
    return Viewed(await load(), 0.0)
