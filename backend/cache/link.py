"""The way to Redis, which may be away at any time: short waits, and after a failure a second without asking again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import structlog
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from backend.model.errors import InvalidInput
from backend.observability.metrics import REDIS_UP

log = structlog.get_logger(__name__)

PATIENCE = 0.25
"""Seconds for a connection or an answer. On a healthy network Redis needs less than a thousandth of a second."""
PAUSE = 1.0
"""Seconds without Redis after a failure. Then one caller tries, and the others do without until it knows."""
CONNECTIONS = 16


class RedisAway(Exception):
    """Redis does not answer, or not as it should: go on with what the process has."""


@asynccontextmanager
async def linked(url: str) -> AsyncIterator["RedisLink"]:
    """Yields a link until the end of the block. Raises what RedisLink raises."""
    link = RedisLink(url)
    yield link
    await link.close()


class RedisLink:
    """The connections of one server to Redis."""

    def __init__(self, url: str) -> None:
        """Connects when it is first used. Raises InvalidInput for a `url` that is none."""
        try:
            pool = ConnectionPool.from_url(
                url,
                max_connections=CONNECTIONS,
                socket_timeout=PATIENCE,
                socket_connect_timeout=PATIENCE,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError as error:
            raise InvalidInput("REDIS_URL", f"REDIS_URL is wrong: {error}. Say redis://host:6379/0.") from error
        self._client = Redis.from_pool(pool)
        # A burst of callers waits its turn for a connection; that is no outage, however long it takes.
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._scripts: dict[str, AsyncScript] = {}
        self._up = True
        self._closed_until = 0.0
        REDIS_UP.set(1)

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Redis]:
        """Redis, for one question. Raises RedisAway, at once if it has just failed."""
        self._check()
        async with self._turns:
            self._check()  # those in front may have found it away
            if not self._up:
                self._closed_until = monotonic() + PAUSE  # the others wait for what this caller finds
            try:
                yield self._client
            except (RedisError, OSError, TimeoutError) as error:
                self._closed_until = monotonic() + PAUSE
                if self._up:
                    log.warning("redis_away", detail=str(error) or type(error).__name__)
                self._set(up=False)
                raise RedisAway from error
            if not self._up:
                log.info("redis_back")
            self._set(up=True)

    async def run(self, lua: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Returns what a Lua script answers, which Redis runs as one step. Raises RedisAway."""
        script = self._scripts.get(lua)
        if script is None:
            script = self._scripts[lua] = self._client.register_script(lua)
        async with self.asking():
            return await script(keys, arguments)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    def _check(self) -> None:
        if not self._up and monotonic() < self._closed_until:
            raise RedisAway

    def _set(self, *, up: bool) -> None:
        self._up = up
        REDIS_UP.set(up)
