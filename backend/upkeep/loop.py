"""The upkeep loop: what a database needs from time to time so that nobody has to think of it.

It runs on every server. Each of its acts is safe at any time and on any number of servers at once.
"""

import random
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from backend.allotments.queries import forget_ended
from backend.background.periodic import Periodic
from backend.database.engine import Database
from backend.database.partitions import make_partitions
from backend.database.writes import writing
from backend.model.errors import MostradorError
from backend.people.failures import forget_failures
from backend.people.session_queries import forget_sessions
from backend.webhooks.deliveries import forget_letters

from .hygiene import drop_unclaimed, forget_acts, forget_commands

log = structlog.get_logger(__name__)

FIRST_PAUSE = 60.0
PAUSE = 3600.0
"""Seconds between two turns."""
SESSIONS_KEPT = timedelta(days=1)
"""How long a session that is over, and a failure to open one, are kept: longer than anybody asks for them."""

ALLOTMENTS_KEPT = timedelta(days=1)
"""How long it is kept what an allotment that has ended was beside its hold, which stays."""


class Upkeep:
    """Makes next months' partitions, forgets old ids, sessions, messages and dead letters, from `start` to `close`."""

    def __init__(self, database: Database) -> None:
        """`database` must be open until `close`."""
        self._database = database
        self._turns = Periodic("upkeep", self._turn)

    async def start(self) -> None:
        """Begin, a little after the server: nothing of it is urgent, and a start is busy enough."""
        await self._turns.start(FIRST_PAUSE)

    async def close(self) -> None:
        """Stop; a turn that is cut short is made up by the next one."""
        await self._turns.close()

    async def _turn(self) -> float:
        try:
            await self.turn(datetime.now(UTC))
        except (MostradorError, SQLAlchemyError) as error:
            log.warning("upkeep_failed", detail=str(error))
        return PAUSE * random.uniform(0.9, 1.1)

    async def turn(self, now: datetime) -> None:
        """Do all of it once. Raises MostradorError when the database cannot take it now."""
        done = {
            "partitions": await make_partitions(self._database, now),
            "forgotten_commands": await forget_commands(self._database),
            "forgotten_acts": await forget_acts(self._database, now),
            "unclaimed_messages": await drop_unclaimed(self._database, now),
            "forgotten_sessions": await self._forget_sessions(now - SESSIONS_KEPT),
            "forgotten_letters": await self._forget_letters(now),
            "forgotten_allotments": await self._forget_allotments(now - ALLOTMENTS_KEPT),
        }
        if any(done.values()):
            log.info("upkeep", **done)

    async def _forget_sessions(self, before: datetime) -> int:
        async with writing(self._database, at_leisure=True) as connection:
            return await forget_sessions(connection, before) + await forget_failures(connection, before)

    async def _forget_allotments(self, before: datetime) -> int:
        async with writing(self._database) as connection:
            return await forget_ended(connection, before)

    async def _forget_letters(self, now: datetime) -> int:
        async with writing(self._database, at_leisure=True) as connection:
            return await forget_letters(connection, now)
