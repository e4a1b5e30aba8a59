"""What is deleted because nothing will ask for it again: old command ids, and messages that nobody came for."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text

from backend.database.engine import Database
from backend.database.errors import translated
from backend.database.reads import moment, reading
from backend.database.tables import Instant
from backend.model.forgetting import COMMANDS_KEPT, first_remembered

OUTBOX_KEPT = timedelta(days=30)
"""A message that found no NATS for so long is dropped: the state it tells of is in the database, and a consumer that
was away for a month starts from a snapshot. A shop that runs without NATS would else fill its disk."""

PAGE = 5000
"""Rows a transaction: short, so that nobody waits for it."""

_OLD = """
DELETE FROM commands WHERE {row} IN (
    SELECT {row} FROM commands WHERE id < :first AND ({version} = '7' OR kind = 'expire') LIMIT :page
)"""
_FORGET = {
    dialect: text(_OLD.format(row=row, version=version)).bindparams(bindparam("first", type_=Uuid()))
    for dialect, row, version in (
        ("postgresql", "ctid", "substring(id::text, 15, 1)"),
        ("sqlite", "rowid", "substr(id, 13, 1)"),
    )
}
_ACTS = text("DELETE FROM terminal_acts WHERE told_at < :before").bindparams(bindparam("before", type_=Instant()))
_OUTBOX = text("DELETE FROM outbox WHERE created_at < :before").bindparams(bindparam("before", type_=Instant()))


async def forget_commands(db: Database) -> int:
    """Delete the ids that `backend.model.forgetting` calls forgotten; answers how many.

    Judged on the database's clock, like the refusal of what is too old: a server whose clock is ahead would delete ids
    that the ledger still takes for new ones. The ids of expiries go with them: a hold ends once by its own status,
    whatever is known of the command.
    """
    async with reading(db) as connection:
        first = first_remembered(await moment(connection))
    total = 0
    while deleted := await _page(db, first):
        total += deleted
    return total


async def forget_acts(db: Database, now: datetime) -> int:
    """Delete the numbers of terminals' acts that are as old as forgotten command ids; answers how many.

    What they sum up to, the last number and how many were told, stays.
    """
    with translated(db.url):
        async with db.writer.begin() as connection:
            return (await connection.execute(_ACTS, {"before": now - COMMANDS_KEPT})).rowcount


async def drop_unclaimed(db: Database, now: datetime) -> int:
    """Delete the messages older than OUTBOX_KEPT; answers how many."""
    with translated(db.url):
        async with db.writer.begin() as connection:
            return (await connection.execute(_OUTBOX, {"before": now - OUTBOX_KEPT})).rowcount


async def _page(db: Database, first: UUID) -> int:
    with translated(db.url):
        async with db.writer.begin() as connection:
            return (await connection.execute(_FORGET[db.dialect], {"first": first, "page": PAGE})).rowcount
