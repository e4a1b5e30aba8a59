"""Lets pickups follow their holds: who sold, cancelled or ended a hold has read no pickup, so that selling stays quick.

It runs on every server. Two that find the same pickup send the same command id, which has one effect.
"""

import random

import structlog
from sqlalchemy import ColumnElement, bindparam, literal_column, or_, select
from sqlalchemy.exc import SQLAlchemyError

from backend.background.periodic import Periodic
from backend.database.engine import Database
from backend.database.reads import reading
from backend.database.tables import documents, reservations
from backend.ids import derived_id
from backend.ledger.lanes import Ledger
from backend.model.books import Request
from backend.model.errors import MostradorError
from backend.model.stock import Who
from backend.model.verbs.hold_ended import HoldEnded

log = structlog.get_logger(__name__)

PAUSE = 2.0
"""Seconds between two looks: a board may show for so long that a hold is there which has just been sold."""
FOLLOWER = Who("system:pickups")
PAGE = 200
_d, _r = documents.c, reservations.c
# Literals: only so the partial index is used.
_PICKUP: ColumnElement[bool] = literal_column(
    "documents.kind = 'pickup' AND documents.status IN ('asked', 'found', 'missing')"
)
ENDED = (
    select(_d.id, _d.store_id, _d.version)
    .join(reservations, (_r.id == _d.id) & (_r.store_id == _d.store_id))
    .where(_PICKUP, _r.status != "PENDING", or_(_d.status != "missing", _r.status != "CANCELLED"))
    .distinct()
    .limit(bindparam("limit"))
)
"""Pickups whose hold is over and that do not say so yet; what was missing and given up says it already."""


class Follower:
    """Looks for pickups whose holds have ended, from `start` to `close`."""

    def __init__(self, db: Database, ledger: Ledger) -> None:
        """`ledger` must be started before and closed after it."""
        self._db, self._ledger = db, ledger
        self._turns = Periodic("pickups", self._turn)

    async def start(self) -> None:
        """Begin."""
        await self._turns.start()

    async def close(self) -> None:
        """Stop; what was not seen is left to the next server that looks."""
        await self._turns.close()

    async def _turn(self) -> float:
        try:
            found = await follow_holds(self._db, self._ledger)
        except (MostradorError, SQLAlchemyError) as error:
            log.warning("pickups_not_followed", detail=str(error))
            found = 0
        return 0.0 if found == PAGE else PAUSE * random.uniform(0.9, 1.1)


async def follow_holds(db: Database, ledger: Ledger) -> int:
    """Step the pickups whose holds have ended, at most PAGE of them; answers how many were found.

    Raises MostradorError when the database or the ledger cannot take it now.
    """
    async with reading(db) as connection:
        found = (await connection.execute(ENDED, {"limit": PAGE})).all()
    requests = [
        Request(HoldEnded(id=derived_id(id_, f"ended:{version}"), store_id=store_id, pickup_id=id_), FOLLOWER)
        for id_, store_id, version in found
    ]
    if requests:
        await ledger.submit_many(requests)
    return len(requests)
