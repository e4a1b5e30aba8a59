"""Messages that were committed with the change they tell of, until NATS has them. Only the ledger adds rows.

A row is published from memory right after its commit; what is found here after a grace was left behind by a crash or
by an outage of NATS. No row is claimed or locked: what two servers publish is one message, by its id in JetStream and
by its versions in whoever listens.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import structlog
from msgspec import DecodeError, json
from sqlalchemy import select, text

from backend.database.engine import Database
from backend.database.reads import database_now
from backend.database.tables import outbox
from backend.model.events import Message, Outgoing
from backend.webhooks.deliveries import owe

log = structlog.get_logger(__name__)

GRACE = timedelta(seconds=2)
"""Younger rows are most likely on their way from some server's memory."""

_DELETE = {
    "postgresql": text("DELETE FROM outbox WHERE id = ANY(CAST(:ids AS uuid[]))"),
    "sqlite": text("DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(:ids))"),
}


class Leftovers(NamedTuple):
    """A page of messages, and the id after which the next page begins; None if there is none."""

    messages: list[Outgoing]
    next: UUID | None


async def read_leftovers(database: Database, *, after: UUID | None = None, limit: int = 500) -> Leftovers:
    """Returns at most `limit` messages older than GRACE, oldest first, from the one after the id `after` on.

    A message that this release cannot read is left to a newer one, and keeps no other message waiting.
    """
    columns = select(outbox.c.id, outbox.c.payload)
    async with database.engine.connect() as connection:
        now = (await connection.execute(select(database_now()))).scalar_one()
        # By key and not by time: ids are in the order of time too, and the key is an index.
        query = columns.where(outbox.c.created_at < now - GRACE).order_by(outbox.c.id).limit(limit)
        if after is not None:
            query = query.where(outbox.c.id > after)
        rows = (await connection.execute(query)).all()
    messages = []
    for row in rows:
        try:
            messages.append(Outgoing(row.id, json.decode(row.payload, type=Message), row.payload.encode()))
        except DecodeError as error:
            log.warning("message_unreadable", message_id=str(row.id), detail=str(error))
    return Leftovers(messages, rows[-1].id if len(rows) == limit else None)


async def delete(database: Database, ids: Collection[UUID]) -> None:
    """Delete the messages with these ids, and in the same transaction write down what they are to webhooks.

    Ids without a row are no error.
    """
    # In one order on all servers, so that two of them deleting the same rows wait for each other and never deadlock.
    ordered = sorted(ids)
    values = ordered if database.dialect == "postgresql" else json.encode([one.hex for one in ordered]).decode()
    async with database.writer.begin() as connection:
        await owe(connection, values)
        await connection.execute(_DELETE[database.dialect], {"ids": values})


async def oldest_age(database: Database) -> float:
    """Seconds that the oldest message has waited; 0 when none waits."""
    query = select(outbox.c.created_at, database_now().label("now")).order_by(outbox.c.id).limit(1)
    async with database.engine.connect() as connection:
        row = (await connection.execute(query)).one_or_none()
    return 0.0 if row is None else max(0.0, (row.now - row.created_at).total_seconds())
