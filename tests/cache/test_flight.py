"""Many who ask at once are given one answer."""

import asyncio

import pytest

from backend.cache.flight import SingleFlight
from tests.eventually import eventually


class Slow:
    """Computes numbers, each once it is allowed to."""

    def __init__(self) -> None:
        self.times = 0
        self.allowed = asyncio.Event()

    async def __call__(self) -> int:
        self.times += 1
        await self.allowed.wait()
        if self.times == 3:
            raise LookupError
        return self.times


async def test_all_who_ask_meanwhile_share_one_computation() -> None:
    flight: SingleFlight[int] = SingleFlight()
    slow = Slow()
    first, *others = [asyncio.create_task(flight.run("a", slow)) for _ in range(5)]
    other = asyncio.create_task(flight.run("b", slow))
    await eventually(lambda: slow.times == 2)
    first.cancel()  # whoever began it
    slow.allowed.set()
    assert await asyncio.gather(*others, other) == [2] * 5
    assert first.cancelled()
    assert slow.times == 2


async def test_an_error_is_everybodys_and_is_not_kept() -> None:
    flight: SingleFlight[int] = SingleFlight()
    slow = Slow()
    slow.times = 2
    asked = [asyncio.create_task(flight.run("a", slow)) for _ in range(3)]
    await asyncio.sleep(0)
    slow.allowed.set()
    for one in asked:
        with pytest.raises(LookupError):
            await one
    assert await flight.run("a", slow) == 4
