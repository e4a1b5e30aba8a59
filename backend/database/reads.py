"""What all reads share: a connection whose failures are sentences, the database's clock, and what a live hold is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from backend.model.errors import MostradorError

from .engine import Database
from .errors import translated
from .tables import Instant, reservations

READ_SECONDS = 10.0
"""How long a read may take on PostgreSQL, waiting for a connection included: a server that hangs or keeps a lock looks
like one that is away. As long as a batch of commands waits."""


@asynccontextmanager
async def reading(db: Database, *, at_leisure: bool = False) -> AsyncIterator[AsyncConnection]:
    """Yields a connection for reads. Raises DatabaseAway and its like in place of the driver's errors.

    The whole block has READ_SECONDS, unless it is `at_leisure`: work in the background that nobody waits for.
    """
    limited = db.dialect == "postgresql" and not at_leisure
    try:
        with translated(db.url):
            async with asyncio.timeout(READ_SECONDS if limited else None), db.engine.connect() as connection:
                if db.dialect == "postgresql":
                    # Each statement sees one moment either way; this saves the two round trips of a transaction.
                    await connection.execution_options(isolation_level="AUTOCOMMIT")
                yield connection
    except MostradorError as error:
        db.state.note(error)
        raise


class database_now(FunctionElement[datetime]):  # noqa: N801  # an SQL function
    """The database's clock, on which every deadline is judged."""

    type = Instant()
    inherit_cache = True


@compiles(database_now, "postgresql")
def _now_postgresql(element: database_now, compiler: SQLCompiler, **_: Any) -> str:
    return "now()"


@compiles(database_now, "sqlite")
def _now_sqlite(element: database_now, compiler: SQLCompiler, **_: Any) -> str:
    # In the form that SQLAlchemy stores moments in: microseconds, UTC, no offset.
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"


_NOW = select(database_now())


async def moment(connection: AsyncConnection) -> datetime:
    """Returns the database's clock."""
    now = await connection.scalar(_NOW)
    assert isinstance(now, datetime)
    return now


def dead_units(row: FromClause) -> ColumnElement[int]:
    """Returns units that `row.reserved` still counts though their holds' deadlines have passed.

    Whatever the expiry loop has done so far, a reader takes them off: a hold is dead at its second.
    """
    due = and_(
        reservations.c.store_id == row.c.store_id,
        reservations.c.product_id == row.c.product_id,
        literal_column("reservations.status = 'PENDING'"),  # a literal: only so the partial index is used
        reservations.c.expires_at <= database_now(),
    )
    total = select(func.coalesce(func.sum(reservations.c.quantity), 0)).where(due)
    return total.correlate(row).scalar_subquery()
