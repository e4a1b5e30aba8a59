"""The watch: reads in the background what only the database knows, for the metrics."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from . import metrics
from .database import Database
from .drift import DriftFold
from .model.errors import MostradorError
from .repositories.backlog import read_backlog
from .repositories.reads import reading

BACKLOG_SECONDS = 10.0
"""How often the backlog is read: alerts think in minutes."""
DRIFT_SECONDS = 1.0
"""Between two slices of the fold."""


class Watch:
    """Keeps the metrics of the database current, from `start` to `close`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._fold = DriftFold(database)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin."""
        work = {"backlog": (self.look, BACKLOG_SECONDS), "drift": (self._fold.turn, DRIFT_SECONDS)}
        self._tasks = [asyncio.create_task(_repeat(*what), name=f"watch-{name}") for name, what in work.items()]

    async def close(self) -> None:
        """Stop."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def look(self) -> None:
        """Read the backlog once. Raises MostradorError when the database does not answer."""
        async with reading(self._database) as connection:
            backlog = await read_backlog(connection)
        metrics.HOLDS.labels("live").set(backlog.holds_live)
        metrics.HOLDS.labels("due").set(backlog.holds_due)
        metrics.HOLDS_OVERDUE_SECONDS.set(backlog.holds_overdue_seconds)
        metrics.OUTBOX_MESSAGES.set(backlog.outbox_messages)
        metrics.OUTBOX_OLDEST_SECONDS.set(backlog.outbox_oldest_seconds)


async def _repeat(step: Callable[[], Awaitable[object]], pause: float) -> None:
    while True:
        # A database that is away is told of by whoever needs it; the numbers stay as they were.
        with suppress(MostradorError, SQLAlchemyError):
            await step()
        await asyncio.sleep(pause * random.uniform(0.8, 1.2))
