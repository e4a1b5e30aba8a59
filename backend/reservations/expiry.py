"""The expiry loop: writes down that holds have ended whose deadline has passed.

Hygiene, not truth: a hold is dead at its second by the predicate that every reader and the ledger use, however late
this loop comes. It runs on every server. Two that find the same hold send the same command id, which has one effect.
"""

import random

import structlog
from sqlalchemy.exc import SQLAlchemyError

from backend.background.periodic import Periodic
from backend.database.engine import Database
from backend.database.reads import reading
from backend.ledger.lanes import Ledger
from backend.ledger.settle import expiry_ticket
from backend.model.answers import Code
from backend.model.errors import MostradorError

from .due import due_rows, seconds_to_next

log = structlog.get_logger(__name__)

PAGE = 500
LONGEST_PAUSE = 1.0
"""Seconds between looks at most: the shortest hold lasts as long, so none is found late, whoever made it."""
JITTER = 0.2
"""Seconds: one of the servers of a fleet comes first, and the others find that it is done."""


class ExpiryLoop:
    """Ends due holds through the ledger, from `start` to `close`."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        """`ledger` must be started before the loop and closed after it."""
        self._database = database
        self._ledger = ledger
        self._turns = Periodic("expiry", self._turn)

    async def start(self) -> None:
        """Begin."""
        await self._turns.start()

    async def close(self) -> None:
        """Stop; what is due stays due for the next server that looks."""
        await self._turns.close()

    async def _turn(self) -> float:
        try:
            pause = await self.look()
        except (MostradorError, SQLAlchemyError) as error:
            log.warning("holds_not_expired", detail=str(error))
            pause = LONGEST_PAUSE
        return pause + random.uniform(0, JITTER)

    async def look(self) -> float:
        """End what is due, at most PAGE rows of it; answers how many seconds there is nothing more to do.

        Raises MostradorError when the database or the ledger cannot take it now.
        """
        async with reading(self._database) as connection:
            rows = await due_rows(connection, PAGE)
            if not rows:
                pause = await seconds_to_next(connection)
                return LONGEST_PAUSE if pause is None else min(max(pause, 0.0), LONGEST_PAUSE)
        holds = {row.id: row for row in rows}
        answers = await self._ledger.submit_many([expiry_ticket(hold).request for hold in holds.values()])
        # A hold that was confirmed or cancelled since it was read is as well ended as one that expired.
        odd = [x for x in answers if x.refusal is not None and x.refusal.code is not Code.RESERVATION_ENDED]
        for answer in odd:
            log.error("hold_not_expired", command_id=str(answer.id), refusal=answer.refusal)
        return LONGEST_PAUSE if odd else 0.0
