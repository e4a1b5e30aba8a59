"""Reading how the holds of pickups are now."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now
from backend.database.tables import reservations
from backend.model.reservations import Reservation, Status

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


def state_at(hold: Reservation, now: datetime) -> HoldState:
    """Returns the state of a hold at `now`."""
    return _state(hold.status, hold.expires_at, now)


async def hold_states(connection: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, HoldState]:
    """Returns the state of each of these holds, by the database's clock."""
    wanted = list(ids)
    if not wanted:
        return {}
    rows = await connection.execute(_HOLDS, {"ids": wanted})
    return {row.id: _state(Status(row.status), row.expires_at, row.now) for row in rows}


def _state(status: Status, expires_at: datetime, now: datetime) -> HoldState:
    left = int((expires_at - now).total_seconds())
    if status is Status.PENDING and now >= expires_at:
        status = Status.EXPIRED
    return HoldState(status, expires_at, left if status is Status.PENDING else 0)
