"""The watch: reads in the background what only the database knows, for the metrics."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from backend.background.periodic import Periodic
from backend.database.engine import Database
from backend.database.reads import reading
from backend.model.errors import MostradorError
from backend.observability import metrics
from backend.proof.drift import DriftFold

from .backlog import read_backlog

BACKLOG_SECONDS = 10.0
"""How often the backlog is read: alerts think in minutes."""
DRIFT_SECONDS = 1.0
"""Between two slices of the fold."""


class Watch:
    """Keeps the metrics of the database current, from `start` to `close`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._fold = DriftFold(database)
        work = {"backlog": (self.look, BACKLOG_SECONDS), "drift": (self._fold.turn, DRIFT_SECONDS)}
        self._turns = [Periodic(f"watch-{name}", partial(_turn, *what)) for name, what in work.items()]

    async def start(self) -> None:
        """Begin."""
        for turns in self._turns:
            await turns.start()

    async def close(self) -> None:
        """Stop."""
        await asyncio.gather(*(turns.close() for turns in self._turns))

    async def look(self) -> None:
        """Read the backlog once. Raises MostradorError when the database does not answer."""
        async with reading(self._database, at_leisure=True) as connection:
            backlog = await read_backlog(connection)
        metrics.HOLDS.labels("live").set(backlog.holds_live)
        metrics.HOLDS.labels("due").set(backlog.holds_due)
        metrics.HOLDS_OVERDUE_SECONDS.set(backlog.holds_overdue_seconds)
        metrics.OUTBOX_MESSAGES.set(backlog.outbox_messages)
        metrics.OUTBOX_OLDEST_SECONDS.set(backlog.outbox_oldest_seconds)


async def _turn(step: Callable[[], Awaitable[object]], pause: float) -> float:
    # A database that is away is told of by whoever needs it; the numbers stay as they were.
    with suppress(MostradorError, SQLAlchemyError):
        await step()
    return pause * random.uniform(0.8, 1.2)
