"""Reading holds."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import structs
from sqlalchemy import Row, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now
from backend.database.tables import reservations
from backend.model.reservations import NEVER, HeldLine, Reservation, Status

IS_HOLD = reservations.c.expires_at < NEVER
"""Not an allotment of a terminal, of which `backend.allotments` tells."""
_LINES = (
    select(reservations, database_now().label("now"))
    .where(reservations.c.id == bindparam("id"), IS_HOLD)
    .order_by(reservations.c.product_id)
)
_STORE = select(reservations.c.store_id).where(reservations.c.id == bindparam("id"), IS_HOLD).limit(1)


async def find_reservation(connection: AsyncConnection, reservation_id: UUID) -> Reservation | None:
    """Returns a hold as it is now: a deadline that has passed shows as EXPIRED. None if there is no such hold."""
    rows = (await connection.execute(_LINES, {"id": reservation_id})).all()
    if not rows:
        return None
    hold = hold_of(rows)
    ended = hold.status is Status.PENDING and not hold.is_live(rows[0].now)
    return structs.replace(hold, status=Status.EXPIRED) if ended else hold


def hold_of(rows: Sequence[Row[Any]]) -> Reservation:
    """Returns the hold that these rows of the table are."""
    first = rows[0]
    return Reservation(
        first.id,
        first.store_id,
        Status(first.status),
        tuple([HeldLine(row.product_id, row.quantity, row.confirmed) for row in rows]),
        first.expires_at,
        first.customer_id,
        first.actor,
        first.terminal_id,
        first.created_at,
        first.updated_at,
        first.version,
    )


async def store_of_reservation(connection: AsyncConnection, reservation_id: UUID) -> str | None:
    """Returns the store whose units a hold keeps, or None if there is no such hold."""
    store_id: str | None = await connection.scalar(_STORE, {"id": reservation_id})
    return store_id
