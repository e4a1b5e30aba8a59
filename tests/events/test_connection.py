"""A connection that is made again for ever."""

import asyncio

from nats.aio.client import Client
from structlog.testing import capture_logs

from backend.events.connection import cancelled, stay_connected
from tests.eventually import eventually


async def test_addresses_that_cannot_be_read_are_told_of() -> None:
    async def never(_: Client) -> None:
        raise AssertionError

    with capture_logs() as logs:
        staying = asyncio.create_task(stay_connected({"servers": ["nats://localhost:99999"]}, never))
        await eventually(lambda: logs or staying.done())
        staying.cancel()
        await asyncio.gather(staying, return_exceptions=True)
    assert [line["event"] for line in logs] == ["nats_away"]


async def test_a_task_that_lost_a_cancellation_is_told_again() -> None:
    told = 0

    async def deaf() -> None:
        nonlocal told
        while told < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                told += 1

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await cancelled(task)

    assert told == 2
