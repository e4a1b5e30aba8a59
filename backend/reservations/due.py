"""Holds whose deadline has passed and that nobody has ended yet, by the partial index `ix_reservations_due`."""

from sqlalchemy import ColumnElement, bindparam, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now
from backend.database.tables import reservations
from backend.ledger.asking import DueHold

# A literal: only so the partial index is used.
_PENDING: ColumnElement[bool] = literal_column("reservations.status = 'PENDING'")
DUE = (
    select(reservations.c.id, reservations.c.store_id, reservations.c.version)
    .where(_PENDING, reservations.c.expires_at <= database_now())
    .order_by(reservations.c.expires_at)
    .limit(bindparam("limit"))
)
NEXT = (
    select(reservations.c.expires_at, database_now().label("now"))
    .where(_PENDING)
    .order_by(reservations.c.expires_at)
    .limit(1)
)


async def due_rows(connection: AsyncConnection, limit: int) -> list[DueHold]:
    """Returns at most `limit` rows of due holds, oldest deadline first; a hold of several products has a row for
    each."""
    return [DueHold(*row) for row in await connection.execute(DUE, {"limit": limit})]


async def seconds_to_next(connection: AsyncConnection) -> float | None:
    """Seconds until the next hold is due, 0 or less if one is; None if there is no hold."""
    row = (await connection.execute(NEXT)).one_or_none()
    return None if row is None else (row.expires_at - row.now).total_seconds()
