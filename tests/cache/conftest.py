"""Servers' links to a Redis that has nothing in it."""

from collections.abc import AsyncIterator

import pytest

from backend.cache.link import RedisLink, linked
from tests.servers import RedisServer


@pytest.fixture
async def links(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[RedisLink, RedisLink]]:
    """The links of two servers, which are patient: a busy machine is no outage."""
    monkeypatch.setattr("backend.cache.link.PATIENCE", 10.0)
    async with linked(redis.url) as first, linked(redis.url) as second:
        async with first.asking() as client:
            await client.flushall()
        yield first, second


@pytest.fixture
async def own_links(own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[RedisLink]]:
    """The links of two servers to `own_redis`, which try again soon after an outage."""
    monkeypatch.setattr("backend.cache.link.PAUSE", 0.05)
    monkeypatch.setattr("backend.views.chain.PAUSE", 0.05)
    async with linked(own_redis.url) as first, linked(own_redis.url) as second:
        yield [first, second]
