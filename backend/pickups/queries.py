"""Reading how the holds of pickups are now."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now
from backend.database.tables import reservations
from backend.model.reservations import Status

_HOLDS = (
    select(reservations.c.id, reservations.c.status, reservations.c.expires_at, database_now().label("now"))
    .where(reservations.c.id.in_(bindparam("ids", expanding=True)))
    .distinct()
)


class HoldState(NamedTuple):
    """How a hold is, and until when it is or was one. A deadline that has passed shows as EXPIRED."""

    status: Status
    expires_at: datetime
    seconds_left: int
    """0 if it has ended."""


async def hold_states(connection: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, HoldState]:
    """Returns the state of each of these holds."""
    wanted = list(ids)
    if not wanted:
        return {}
    states = {}
    for row in await connection.execute(_HOLDS, {"ids": wanted}):
        left = (row.expires_at - row.now).total_seconds()
        status = Status(row.status)
        if status is Status.PENDING and left <= 0:
            status = Status.EXPIRED
        states[row.id] = HoldState(status, row.expires_at, max(0, int(left)) if status is Status.PENDING else 0)
    return states
