"""Redis comes and goes: who asks is told at once, the operator once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import structlog

from backend.cache import link as linking
from backend.cache.link import RedisAway, RedisLink, linked
from backend.metrics import REDIS_UP
from backend.model.errors import InvalidInput
from tests.eventually import eventually
from tests.servers import RedisServer


@pytest.fixture
async def link(own_redis: RedisServer) -> AsyncIterator[RedisLink]:
    async with linked(own_redis.url) as link:
        yield link


async def answers(link: RedisLink) -> bool:
    try:
        async with link.asking() as redis:
            return bool(await redis.ping())
    except RedisAway:
        return False


def up() -> bool:
    return bool(REDIS_UP._value.get())


async def test_an_outage_is_told_once_and_ends_by_itself(
    link: RedisLink, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linking, "PAUSE", 0.05)
    with structlog.testing.capture_logs() as logs:
        assert await answers(link)
        own_redis.kill()
        for _ in range(20):
            assert not await answers(link)
            await asyncio.sleep(0.01)  # so that some of them try
        assert not up()
        own_redis.start()
        await eventually(lambda: answers(link))
    assert up()
    assert [entry["event"] for entry in logs] == ["redis_away", "redis_back"]


async def test_after_a_failure_nobody_asks_for_a_while(link: RedisLink, own_redis: RedisServer) -> None:
    own_redis.pause()
    assert not await answers(link)
    own_redis.resume()
    assert not await answers(link)  # it would answer, but it is not asked


async def test_one_caller_tries_for_all(
    link: RedisLink, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_redis.pause()
    assert not await answers(link)
    own_redis.resume()
    monkeypatch.setattr(link, "_closed_until", 0.0)
    assert sorted(await asyncio.gather(*(answers(link) for _ in range(5)))) == [False] * 4 + [True]
    assert await answers(link)


async def test_a_burst_waits_for_its_turn(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linking, "PATIENCE", 10.0)  # also on a busy machine
    async with linked(redis.url) as link:
        assert all(await asyncio.gather(*(answers(link) for _ in range(200))))


def test_an_address_that_is_none_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"^REDIS_URL is wrong"):
        RedisLink("localhost:6379")
