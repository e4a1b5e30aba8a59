"""Redis comes and goes: who asks is told at once, the operator once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import structlog

from backend.cache import link as linking
from backend.cache.link import RedisAway, RedisLink, linked
from backend.model.errors import InvalidInput
from backend.observability.metrics import REDIS_UP
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


def record(call: Callable[[], Awaitable[object]], calls: list[str]) -> Callable[[], Awaitable[object]]:
    def recorded() -> Awaitable[object]:
        calls.append("ping")
        return call()

    return recorded


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


@pytest.mark.slow
async def test_waiting_for_a_turn_is_no_outage(own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linking, "CONNECTIONS", 1)
    monkeypatch.setattr(linking, "PATIENCE", 1.0)
    async with linked(own_redis.url) as link:

        async def slow() -> bool:
            async with link.asking() as redis:
                return await redis.blpop(["nothing"], timeout=0.15) is None  # answers when that is over

        with structlog.testing.capture_logs() as logs:
            assert all(await asyncio.gather(*(slow() for _ in range(10))))
    assert logs == []


async def test_who_waits_for_a_turn_hears_of_the_outage_at_once(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linking, "CONNECTIONS", 1)
    async with linked(own_redis.url) as link:
        assert await answers(link)
        own_redis.pause()
        tried: list[str] = []
        monkeypatch.setattr(link._client, "ping", record(link._client.ping, tried))
        assert not any(await asyncio.gather(*(answers(link) for _ in range(20))))
        assert len(tried) == 1
        own_redis.resume()


def test_an_address_that_is_none_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"^REDIS_URL is wrong"):
        RedisLink("localhost:6379")
