"""Work that is done again and again until it is told to stop."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 5.0
"""How long a turn at work may take when it is told to stop; then it is cut off."""
FAILED_SECONDS = 5.0
"""The pause after a turn that failed in a way that it did not foresee."""


class Periodic:
    """Calls `turn` again and again from `start` to `close`, each time after as many seconds as the last one answered.

    A turn at work is let finish: a statement that is cut off leaves its connection in an unknown state, and on SQLite
    a thread with an answer for a loop that has gone.
    """

    def __init__(self, name: str, turn: Callable[[], Awaitable[float]]) -> None:
        """`turn` answers for how many seconds there is nothing to do; what it raises is logged, and it goes on."""
        self._name, self._turn = name, turn
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self, after: float = 0.0) -> None:
        """Begin, after so many seconds."""
        self._begin(after)

    async def close(self) -> None:
        """Stop, after the turn at work."""
        self._stop.set()
        if self._task is not None:
            _, late = await asyncio.wait({self._task}, timeout=PATIENCE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _begin(self, after: float) -> None:
        self._task = asyncio.create_task(self._run(after), name=self._name)
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        # Nobody awaits the task, so nobody would notice that the work had ended.
        if task.cancelled() or (error := task.exception()) is None:
            return
        log.error("turn_failed", work=self._name, exc_info=error)
        if not self._stop.is_set():
            self._begin(FAILED_SECONDS)

    async def _run(self, pause: float) -> None:
        while not await self._stopped_within(pause):
            pause = await self._turn()

    async def _stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        return self._stop.is_set()
