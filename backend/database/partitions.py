"""The monthly partitions of `movements` on PostgreSQL: made ahead of time, so that a month can be dropped in one piece.

A row whose month has no partition is not refused: it lands in `movements_default` and is moved when the month is made.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from .engine import Database
from .errors import translated

MONTHS_AHEAD = 3
LOCK_TIMEOUT = "2s"
"""How long a change of partitions waits for a lock, while others wait behind it; it is tried again at the next turn."""
_LOCK = 0x6D6F7661  # "mova": one server changes partitions at a time

CLOCK_STEP = timedelta(days=1)
"""How far a database's clock may have been set back at the end of a month: by so much a movement may be dated later
than the ones after it. Such movements leave with their elder ones, because a balance is folded in their order."""


class Partition(NamedTuple):
    """A partition and the moment, exclusive, up to which its movements reach."""

    name: str
    until: datetime


_PARTITIONS = text("""
SELECT c.relname AS name,
       substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \\(''([^'']+)''\\)')::timestamptz AS until
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'movements'::regclass AND pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
ORDER BY until
""")


async def partitions(connection: AsyncConnection) -> list[Partition]:
    """Returns all partitions but the default one, oldest first."""
    return [Partition(row.name, row.until.astimezone(UTC)) for row in await connection.execute(_PARTITIONS)]


async def make_partitions(db: Database, now: datetime) -> list[str]:
    """Make what is missing for this month and the MONTHS_AHEAD after it; answers the names of the new ones.

    Does nothing on SQLite, or while another server is at it. Raises DatabaseAway and its like.
    """
    if db.dialect == "sqlite":
        return []
    made = []
    with translated(db.url):
        async with db.engine.begin() as connection:
            if not await alone(connection):
                return []
            there = await partitions(connection)
            start = there[-1].until if there else months_after(now, 0)
            last = months_after(now, MONTHS_AHEAD)
            while start <= last:
                made.append(await _make(connection, start))
                start = months_after(start, 1)
    return made


async def alone(connection: AsyncConnection) -> bool:
    """Returns whether this transaction may change partitions now; it then waits for no lock longer than
    LOCK_TIMEOUT."""
    await connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
    return bool(await connection.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}))


async def keep_partitions(connection: AsyncConnection) -> None:
    """Let nobody drop a partition until this transaction ends, which must begin with this.

    A dropped table is gone for transactions of an older moment too: they would see neither the movements nor the
    openings that replaced them. So whoever reads several things at one moment takes the lock before the moment.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(text("LOCK TABLE movements IN ACCESS SHARE MODE"))


async def _make(connection: AsyncConnection, start: datetime) -> str:
    name, until = f"movements_{start:%Y_%m}", months_after(start, 1)
    month = f"at >= '{start.isoformat()}' AND at < '{until.isoformat()}'"
    for statement in (
        f"CREATE TABLE {name} (LIKE movements)",
        f"ALTER TABLE {name} ADD CONSTRAINT pk_{name} PRIMARY KEY (store_id, product_id, version)",
        f"WITH moved AS (DELETE FROM movements_default WHERE {month} RETURNING *) INSERT INTO {name} TABLE moved",
        f"ALTER TABLE movements ATTACH PARTITION {name} FOR VALUES FROM ('{start.isoformat()}')"
        f" TO ('{until.isoformat()}')",
    ):
        await connection.execute(text(statement))
    return name


def months_after(moment: datetime, months: int) -> datetime:
    """Returns the first moment, in UTC, of the month that comes `months` after the month of `moment`; 0 is its own
    month."""
    utc = moment.astimezone(UTC)
    year, month = divmod(utc.year * 12 + utc.month - 1 + months, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)
