"""The watch: reads in the background what only the database knows, for the metrics."""

import asyncio
import random
from contextlib import suppress

import structlog
from sqlalchemy.exc import SQLAlchemyError

from . import metrics
from .database import Database
from .model.errors import MostradorError
from .repositories.backlog import read_backlog
from .repositories.reads import reading

log = structlog.get_logger(__name__)

BACKLOG_SECONDS = 10.0
"""How often the backlog is read: alerts think in minutes."""


class Watch:
    """Keeps the metrics of the database current, from `start` to `close`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="watch")

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            # A database that is away is told of by whoever needs it; the numbers stay as they were.
            with suppress(MostradorError, SQLAlchemyError):
                await self.look()
            await asyncio.sleep(BACKLOG_SECONDS * random.uniform(0.8, 1.2))

    async def look(self) -> None:
        """Read the backlog once. Raises MostradorError when the database does not answer."""
        async with reading(self._database) as connection:
            backlog = await read_backlog(connection)
        metrics.HOLDS.labels("live").set(backlog.holds_live)
        metrics.HOLDS.labels("due").set(backlog.holds_due)
        metrics.HOLDS_OVERDUE_SECONDS.set(backlog.holds_overdue_seconds)
        metrics.OUTBOX_MESSAGES.set(backlog.outbox_messages)
        metrics.OUTBOX_OLDEST_SECONDS.set(backlog.outbox_oldest_seconds)
