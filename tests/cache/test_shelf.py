"""Answers that are kept until what they are made of changes, as two servers see them."""

import asyncio
from collections.abc import Sequence

import pytest

from backend.cache import shelf as shelves
from backend.cache.link import RedisLink
from backend.cache.shelf import Shelf
from tests.eventually import eventually
from tests.servers import RedisServer


class Truth:
    """What the answers are made of, and how often somebody looked."""

    def __init__(self) -> None:
        self.value = 1
        self.reads = 0
        self.quick = asyncio.Event()
        self.quick.set()

    async def load(self) -> list[int]:
        self.reads += 1
        found = [self.value]
        await self.quick.wait()
        return found


def two(links: Sequence[RedisLink]) -> tuple[Shelf[list[int]], Shelf[list[int]]]:
    first, second = (Shelf(link, "numbers", list[int], 60.0) for link in links)
    return first, second


async def test_an_answer_is_kept_by_its_question(links: tuple[RedisLink, RedisLink]) -> None:
    truth, (first, second) = Truth(), two(links)
    assert (await first.read("q", truth.load)).value == (await second.read("q", truth.load)).value == [1]
    assert truth.reads == 1
    await second.read("other", truth.load)
    assert truth.reads == 2


async def test_a_change_ends_every_answer_everywhere(links: tuple[RedisLink, RedisLink]) -> None:
    truth, (first, second) = Truth(), two(links)
    for number in range(2, 5):
        await second.read("q", truth.load)
        truth.value = number
        await first.moved()
        assert (await second.read("q", truth.load)).value == (await first.read("q", truth.load)).value == [number]
    assert truth.reads == 4


async def test_an_answer_computed_before_a_change_is_not_kept_beyond_it(links: tuple[RedisLink, RedisLink]) -> None:
    truth, (first, second) = Truth(), two(links)
    truth.quick.clear()
    early = asyncio.create_task(first.read("q", truth.load))
    await eventually(lambda: truth.reads)
    truth.value = 2
    await second.moved()
    late = asyncio.create_task(first.read("q", truth.load))
    await eventually(lambda: truth.reads == 2)
    truth.quick.set()
    assert [(await early).value, (await late).value] == [[1], [2]]
    assert (await second.read("q", truth.load)).value == [2]


async def test_of_two_answers_the_later_one_stays(
    links: tuple[RedisLink, RedisLink], monkeypatch: pytest.MonkeyPatch
) -> None:
    truth, (first, second) = Truth(), two(links)
    truth.quick.clear()
    monkeypatch.setattr(shelves, "time", lambda: 1000.0)
    early = asyncio.create_task(first.read("q", truth.load))
    await eventually(lambda: truth.reads)
    early_quick, truth.quick = truth.quick, asyncio.Event()
    truth.quick.set()
    truth.value = 2
    monkeypatch.setattr(shelves, "time", lambda: 1001.0)
    await second.read("q", truth.load)
    early_quick.set()
    assert (await early).value == [1]
    assert (await first.read("q", truth.load)).value == [2]


async def test_a_change_in_an_outage_is_told_after_it(own_links: list[RedisLink], own_redis: RedisServer) -> None:
    truth, (first, second) = Truth(), two(own_links)
    await first.read("q", truth.load)
    own_redis.pause()  # it keeps the answer
    truth.value = 2
    await first.moved()
    assert (await first.read("q", truth.load)).value == [2]
    own_redis.resume()

    async def told() -> bool:
        assert (await first.read("q", truth.load)).value == [2]
        return (await second.read("q", truth.load)).value == [2]

    await eventually(told)


async def test_a_redis_that_is_gone_is_done_without(own_links: list[RedisLink], own_redis: RedisServer) -> None:
    truth, (first, _) = Truth(), two(own_links)
    await first.read("q", truth.load)
    own_redis.kill()
    truth.value = 2
    assert (await first.read("q", truth.load)).value == [2]
    own_redis.start()
    reads = truth.reads

    async def kept_again() -> bool:
        nonlocal reads
        before, reads = reads, truth.reads
        await first.read("q", truth.load)
        return truth.reads == before

    await eventually(kept_again)
