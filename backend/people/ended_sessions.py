"""The session watch: brings the ends of sessions that other servers wrote to this one, within about a second."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from backend.auth.ended import EndedSessions
from backend.auth.tokens import ENDED_MEMORY
from backend.background.periodic import Periodic
from backend.database.engine import Database
from backend.database.reads import moment, reading
from backend.model.errors import MostradorError

from .session_queries import TERMINAL_REMOVED, ended_since

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 1.0
OVERLAP = timedelta(seconds=30)
"""Each look goes so far behind the last one: a transaction that took its time commits an end with an earlier moment."""


class SessionWatch:
    """Reads the ended sessions every second, from `start` to `close`."""

    def __init__(self, database: Database, ended: EndedSessions) -> None:
        self._database, self._ended = database, ended
        self._looked_at: datetime | None = None
        self._turns = Periodic("session-watch", self._turn)

    async def start(self) -> None:
        """Learn what has ended already, then begin. Raises MostradorError when the database does not answer."""
        await self.look()
        await self._turns.start(PAUSE_SECONDS)

    async def close(self) -> None:
        """Stop."""
        await self._turns.close()

    async def _turn(self) -> float:
        try:
            await self.look()
        except (MostradorError, SQLAlchemyError) as error:
            log.warning("ended_sessions_not_read", detail=str(error))
        return PAUSE_SECONDS

    async def look(self) -> None:
        """Read what has ended since the last look. Raises MostradorError when the database does not answer."""
        async with reading(self._database) as connection:
            now = await moment(connection)
            since = now - ENDED_MEMORY if self._looked_at is None else self._looked_at - OVERLAP
            ended = await ended_since(connection, since)
        self._ended.add([id_ for id_, reason in ended if reason != TERMINAL_REMOVED])
        self._ended.add([id_ for id_, reason in ended if reason == TERMINAL_REMOVED], with_terminal=True)
        self._looked_at = now
