"""Work in turns is begun, goes on, and is never cut off in the middle."""

import asyncio

import pytest
from structlog.testing import capture_logs

from backend.background import periodic as turns
from backend.background.periodic import Periodic
from tests.eventually import eventually


async def test_turns_go_on_until_they_are_told_to_stop() -> None:
    done = 0

    async def turn() -> float:
        nonlocal done
        done += 1
        return 0.0

    work = Periodic("work", turn)
    await work.start()
    await eventually(lambda: done > 3)
    await work.close()
    ended = done
    await asyncio.sleep(0)
    assert done == ended


async def test_a_turn_that_fails_is_told_of_and_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "FAILED_SECONDS", 0.0)
    done = 0

    async def turn() -> float:
        nonlocal done
        done += 1
        if done == 1:
            raise KeyError("of a later release")
        return 0.0

    work = Periodic("work", turn)
    with capture_logs() as logs:
        await work.start()
        await eventually(lambda: done > 3)
        await work.close()
    assert [(line["event"], line["work"]) for line in logs] == [("turn_failed", "work")]


async def test_a_turn_at_work_is_let_finish() -> None:
    begun, go_on, finished = asyncio.Event(), asyncio.Event(), False

    async def turn() -> float:
        nonlocal finished
        begun.set()
        await go_on.wait()
        finished = True
        return 60.0

    work = Periodic("work", turn)
    await work.start()
    await begun.wait()
    closing = asyncio.create_task(work.close())
    await asyncio.sleep(0)
    assert not closing.done()
    go_on.set()
    await closing
    assert finished


async def test_nobody_waits_for_a_turn_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0.01)
    begun = asyncio.Event()

    async def turn() -> float:
        begun.set()
        await asyncio.Event().wait()
        return 0.0

    work = Periodic("work", turn)
    await work.start()
    await begun.wait()
    await work.close()


async def test_a_pause_is_cut_short() -> None:
    async def turn() -> float:
        return 3600.0

    work = Periodic("work", turn)
    await work.start(3600.0)
    await work.close()
