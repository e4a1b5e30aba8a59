"""What is owed to webhooks: a row per webhook and event, from when the event leaves the outbox until it was received.

A row is leased, not locked, while it is posted: a server that dies leaves it to the others, and the event is posted
again. So each event is delivered at least once.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import String, bindparam, delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now, moment
from backend.database.tables import Instant, webhook_deliveries, webhooks

LEASE = timedelta(minutes=1)
"""How long a row is one server's; several times what a delivery may take."""
LETTERS_KEPT = timedelta(days=30)
"""How long a dead letter can be replayed."""


class Due(Struct, frozen=True):
    """A webhook that something is due for, with what its delivery needs."""

    id: str
    url: str
    sealed: str | None
    """Its secret; None if that is still to be sealed."""
    kinds: tuple[str, ...]


class Delivery(Struct, frozen=True):
    """An event on its way; `attempts` counts this one."""

    event_id: UUID
    payload: str
    attempts: int


class Failure(Struct, frozen=True):
    """How an attempt failed, and in how many seconds the next is due; None: in none, it is a dead letter now."""

    delivery: Delivery
    error: str
    pause: float | None


_OWE = """
INSERT INTO webhook_deliveries (webhook_id, event_id, store_id, payload, created_at, next_at)
SELECT webhooks.id, outbox.id, outbox.store_id, outbox.payload, {now}, {now}
FROM outbox JOIN webhooks ON webhooks.store_id IN (outbox.store_id, '*')
WHERE outbox.id {chosen}
ORDER BY outbox.id, webhooks.id
ON CONFLICT DO NOTHING"""
_OWED = {
    "postgresql": text(_OWE.format(now="now()", chosen="= ANY(CAST(:ids AS uuid[]))")),
    "sqlite": text(
        _OWE.format(now="strftime('%Y-%m-%d %H:%M:%f000', 'now')", chosen="IN (SELECT value FROM json_each(:ids))")
    ),
}
_row = webhook_deliveries.c
_of = _row.webhook_id == bindparam("of", type_=String)
_due = _row.next_at <= database_now()
_DUE = select(webhooks.c.id, webhooks.c.url, webhooks.c.sealed, webhooks.c.kinds).where(
    select(_row.event_id).where(_row.webhook_id == webhooks.c.id, _due).exists()
)
_OLDEST = (
    select(_row.event_id, _row.payload, _row.attempts)
    .where(_of, _due)
    .order_by(_row.next_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)  # SQLite, which has no such thing, lets only one transaction come so far
)
_LEASE = (
    update(webhook_deliveries).where(_of).values(next_at=bindparam("until", type_=Instant), attempts=_row.attempts + 1)
)
_RECEIVED = delete(webhook_deliveries).where(_of)
_FAILED = (
    update(webhook_deliveries)
    # Not if the lease has run out and another server took the row since.
    .where(_of, _row.event_id == bindparam("event"), _row.attempts == bindparam("attempt"))
    .values(next_at=bindparam("again_at", type_=Instant), last_error=bindparam("error", type_=String))
)
_FORGET = delete(webhook_deliveries).where(_row.next_at.is_(None), _row.created_at < bindparam("before", type_=Instant))


async def owe(connection: AsyncConnection, ids: object) -> None:
    """Write down what the messages `ids` are to the webhooks there are, in the transaction that deletes them.

    `ids` are in the form that `backend.events.outbox` deletes them by.
    """
    await connection.execute(_OWED[connection.dialect.name], {"ids": ids})


async def due_webhooks(connection: AsyncConnection) -> list[Due]:
    """Returns the webhooks that something is due for."""
    return [Due(id_, url, sealed, tuple(kinds.split())) for id_, url, sealed, kinds in await connection.execute(_DUE)]


async def claim(connection: AsyncConnection, webhook_id: str, limit: int) -> list[Delivery]:
    """Returns at most `limit` deliveries that are due, nobody else's for LEASE; each counts as an attempt from now
    on."""
    rows = (await connection.execute(_OLDEST, {"of": webhook_id, "limit": limit})).all()
    if rows:
        until = await moment(connection) + LEASE
        await connection.execute(_these(_LEASE, rows), {"of": webhook_id, "until": until})
    return [Delivery(row.event_id, row.payload, row.attempts + 1) for row in rows]


async def settle(
    connection: AsyncConnection, webhook_id: str, received: Collection[Delivery], failed: Sequence[Failure]
) -> None:
    """Delete what was received, and say when the rest is due."""
    if received:
        await connection.execute(_these(_RECEIVED, received), {"of": webhook_id})
    if failed:
        now = await moment(connection)
        rows = [
            {
                "of": webhook_id,
                "event": failure.delivery.event_id,
                "attempt": failure.delivery.attempts,
                "again_at": None if failure.pause is None else now + timedelta(seconds=failure.pause),
                "error": failure.error[:200],
            }
            for failure in failed
        ]
        await connection.execute(_FAILED, rows)


async def forget_letters(connection: AsyncConnection, now: datetime) -> int:
    """Delete the dead letters older than LETTERS_KEPT; answers how many."""
    return (await connection.execute(_FORGET, {"before": now - LETTERS_KEPT})).rowcount


def _these(statement: Any, rows: Collection[Any]) -> Any:
    return statement.where(_row.event_id.in_([row.event_id for row in rows]))
