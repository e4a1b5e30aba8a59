"""What waits in the database for the background work of all servers: holds to be ended and messages to be published."""

from msgspec import Struct
from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now
from backend.database.tables import outbox, reservations
from backend.reservations.queries import IS_HOLD

_PENDING: ColumnElement[bool] = literal_column("reservations.status = 'PENDING'")
_DUE = reservations.c.expires_at <= database_now()
_HOLDS = select(
    func.count(reservations.c.id.distinct()).filter(~_DUE),
    func.count(reservations.c.id.distinct()).filter(_DUE),
    func.min(reservations.c.expires_at).label("first_due"),
    database_now().label("now"),
).where(_PENDING, IS_HOLD)
_OUTBOX = select(func.count(), func.min(outbox.c.created_at).label("oldest"), database_now().label("now")).select_from(
    outbox
)


class Backlog(Struct, frozen=True):
    """The whole fleet's, not one server's. Ages are seconds, 0 when nothing waits."""

    holds_live: int
    holds_due: int
    holds_overdue_seconds: float
    outbox_messages: int
    outbox_oldest_seconds: float


async def read_backlog(connection: AsyncConnection) -> Backlog:
    """Two counts over two small indexes: what has ended and what was published is not in them."""
    live, due, first_due, now = (await connection.execute(_HOLDS)).one()
    overdue = max(0.0, (now - first_due).total_seconds()) if first_due is not None else 0.0
    messages, oldest, now = (await connection.execute(_OUTBOX)).one()
    age = max(0.0, (now - oldest).total_seconds()) if oldest is not None else 0.0
    return Backlog(live, due, overdue, messages, age)
