"""Waiting for something that other tasks or processes bring about."""

import asyncio
from collections.abc import Awaitable, Callable


async def eventually(holds: Callable[[], object], seconds: float = 30.0) -> None:
    """Return as soon as `holds()`, awaited if it must be, is true; fail after `seconds`, far longer than it takes."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        held = holds()
        if await held if isinstance(held, Awaitable) else held:
            return
        assert asyncio.get_running_loop().time() < deadline, f"{holds} did not come true within {seconds} s"
        await asyncio.sleep(0.02)
