"""Reads that are asked for together: never older than the question, whatever the order of things."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.database.dataloader import AT_ONCE, Dataloader
from tests.eventually import eventually


class Shelf:
    """A database with one counter for all keys, whose reads see it when they begin and end when the test says so."""

    def __init__(self) -> None:
        self.counter = 0
        self.reads: list[tuple[list[str], asyncio.Future[dict[str, int]]]] = []

    async def find(self, keys: Sequence[str]) -> dict[str, int]:
        ending: asyncio.Future[dict[str, int]] = asyncio.get_running_loop().create_future()
        self.reads.append((list(keys), ending))
        seen = self.counter
        await ending
        return {key: seen for key in keys if key != "unknown"}

    @property
    def under_way(self) -> list[asyncio.Future[dict[str, int]]]:
        return [ending for _, ending in self.reads if not ending.done()]


async def turn() -> None:
    """Let everything run that can run now."""
    for _ in range(10):
        await asyncio.sleep(0)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from(["a", "b", "unknown"])),
        st.tuples(st.sampled_from(["commit", "turn"]), st.none()),
        st.tuples(st.sampled_from(["end", "fail", "leave"]), st.integers(0, 20)),
    ),
    max_size=40,
)


@given(STEPS)
def test_whatever_the_order_an_answer_is_no_older_than_its_question(steps: list[tuple[str, str | int | None]]) -> None:
    asyncio.run(in_that_order(steps))


async def in_that_order(steps: list[tuple[str, str | int | None]]) -> None:
    shelf = Shelf()
    gathering = Dataloader(shelf.find)
    asked: list[tuple[str, int, asyncio.Task[int | None]]] = []
    left, failed = set(), False
    for step, what in steps:
        match step, what:
            case "ask", str(key):
                asked.append((key, shelf.counter, asyncio.create_task(gathering.get(key))))
                # The question is put at once; when it is read, the loop decides.
                await asyncio.sleep(0)
            case "commit", _:
                shelf.counter += 1
            case "turn", _:
                await turn()
            case "leave", int(number) if asked:
                leaver = asked[number % len(asked)][2]
                if leaver.cancel():
                    left.add(leaver)
            case ("end" | "fail") as how, int(number) if shelf.under_way:
                read = shelf.under_way[number % len(shelf.under_way)]
                if how == "end":
                    read.set_result({})
                else:
                    read.set_exception(ConnectionError())
                    failed = True
            case _:
                pass
        assert len(shelf.under_way) <= AT_ONCE
    await turn()
    while shelf.under_way:
        shelf.under_way[0].set_result({})
        await turn()
    for key, counter, caller in asked:
        if caller in left:
            assert caller.cancelled()
        elif caller.exception() is not None:
            assert failed
            assert isinstance(caller.exception(), ConnectionError)
        else:
            answer = caller.result()
            assert answer is None if key == "unknown" else answer is not None and answer >= counter


async def test_a_lone_caller_waits_for_nobody_and_many_share_a_read() -> None:
    shelf = Shelf()
    gathering = Dataloader(shelf.find)
    lone = asyncio.create_task(gathering.get("a"))
    await turn()
    assert [keys for keys, _ in shelf.reads] == [["a"]]

    together = [asyncio.create_task(gathering.get(key)) for key in ("a", "b", "a")]
    await turn()
    later = [asyncio.create_task(gathering.get(key)) for key in ("c", "a")]
    await turn()
    # They did not join the reads that had begun, and both places were taken.
    assert [keys for keys, _ in shelf.reads] == [["a"], ["a", "b"]]
    shelf.under_way[0].set_result({})
    await eventually(lambda: len(shelf.reads) == 3)
    assert shelf.reads[2][0] == ["c", "a"]
    for read in shelf.under_way:
        read.set_result({})
    assert await asyncio.gather(lone, *together, *later) == [0] * 6


async def test_an_error_is_everybodys_and_is_not_kept() -> None:
    shelf = Shelf()
    gathering = Dataloader(shelf.find)
    callers = [asyncio.create_task(gathering.get(key)) for key in ("a", "a", "b")]
    await turn()
    callers[0].cancel()
    await turn()
    shelf.under_way[0].set_exception(ConnectionError())
    for caller in callers[1:]:
        with pytest.raises(ConnectionError):
            await caller
    again = asyncio.create_task(gathering.get("a"))
    await turn()
    shelf.under_way[0].set_result({})
    assert await again == 0


async def test_a_read_that_is_ended_ends_the_wait() -> None:
    shelf = Shelf()
    caller = asyncio.create_task(Dataloader(shelf.find).get("a"))
    await turn()
    (read,) = [task for task in asyncio.all_tasks() if task.get_name() == "gathered-read"]
    read.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
