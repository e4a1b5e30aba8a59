"""Counting requests: what the window lets through, how long a refused caller waits, what servers tell each other."""

from math import floor
from types import SimpleNamespace

import limits.storage.memory
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from backend.cache import counts as counting
from backend.cache.counts import WINDOW, Counts
from backend.cache.link import RedisLink

steps = st.lists(st.tuples(st.floats(0, 50) | st.floats(0, 0.5), st.sampled_from("ab")), max_size=60)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 6), steps=steps)
def test_it_decides_as_the_library_limits_does(limit: int, steps: list[tuple[float, str]]) -> None:
    now = 1_000_000.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits.storage.memory, "time", SimpleNamespace(time=lambda: now))
        patch.setattr(MemoryStorage, "_MemoryStorage__schedule_expiry", lambda _: None)  # a thread with the real clock
        theirs, ours = SlidingWindowCounterRateLimiter(MemoryStorage()), Counts()
        for pause, key in steps:
            now += pause
            taken = ours.take(key, limit, now)
            assert (taken.wait is None) == theirs.hit(RateLimitItemPerMinute(limit), key)
            if taken.wait is None:
                assert taken.left == theirs.get_window_stats(RateLimitItemPerMinute(limit), key).remaining


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 9), pauses=st.lists(st.floats(0, 30), min_size=1, max_size=40))
@example(limit=1, pauses=[0.0, 3.0])
def test_who_waits_as_told_is_let_in_and_not_before(limit: int, pauses: list[float]) -> None:
    now, counts = 1_000_000.0, Counts()
    for pause in pauses:
        now += pause
        wait = counts.take("a", limit, now).wait
        if wait is not None:
            assert counts.take("a", limit, now + 0.99 * wait - 1e-6).wait is not None or wait < 1e-3
            now += floor(wait) + 1  # as Retry-After says it
            assert counts.take("a", limit, now).wait is None
    assert now < 1_000_000 + len(pauses) * (30 + 2 * WINDOW + 1)


def test_a_caller_who_was_away_has_all_again() -> None:
    counts = Counts()
    assert [counts.take("a", 3, 600 + x).left for x in range(3)] == [2, 1, 0]
    assert counts.take("a", 3, 603).wait is not None
    assert counts.take("b", 3, 603).left == 2
    assert counts.take("a", 3, 600 + 2 * WINDOW).left == 2


@pytest.fixture(autouse=True)
def middle_of_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands, where the tests do not say the time themselves."""
    monkeypatch.setattr(counting, "time", lambda: 630.0)


async def test_servers_learn_of_each_others_counts(links: tuple[RedisLink, RedisLink]) -> None:
    first, second = Counts(), Counts()
    for _ in range(6):
        first.take("ana", 10)
    first.take("eva", 10)
    await first.settle(links[0])

    assert second.take("ana", 10).left == 9
    await second.settle(links[1])

    assert second.take("ana", 10).left == 2  # 6 there, 1 told, 1 now
    assert second.take("luis", 10).left == 9
    await second.settle(links[1])
    first.take("ana", 10)
    await first.settle(links[0])
    assert first.take("ana", 10).left == 0
    assert first.take("ana", 10).wait is not None


async def test_the_last_minute_of_the_others_counts_too(
    links: tuple[RedisLink, RedisLink], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Counts(), Counts()
    for _ in range(8):
        first.take("ana", 10)
    await first.settle(links[0])

    monkeypatch.setattr(counting, "time", lambda: 690.0)
    second.take("ana", 10)
    await second.settle(links[1])

    assert second.take("ana", 10).left == 10 - 8 // 2 - 2


async def test_a_redis_that_has_forgotten_takes_nothing_back(links: tuple[RedisLink, RedisLink]) -> None:
    counts = Counts()
    for _ in range(5):
        counts.take("ana", 10)
    await counts.settle(links[0])
    async with links[0].asking() as client:
        await client.flushall()

    counts.take("ana", 10)
    await counts.settle(links[0])

    assert counts.take("ana", 10).left == 3
