"""Webhooks, and what could not be delivered to them. See `deliveries` for what is on its way."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import String, Uuid, bindparam, delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now
from backend.database.tables import webhook_deliveries, webhooks


class StoredWebhook(Struct, frozen=True):
    """A webhook without its secret."""

    id: str
    url: str
    store_id: str
    """The store that it hears of, or * for all."""
    kinds: tuple[str, ...]
    created_by: str
    created_at: datetime


class DeadLetter(Struct, frozen=True):
    """An event that is not tried any more."""

    event_id: UUID
    store_id: str
    created_at: datetime
    """When it was first due, on the database's clock."""
    attempts: int
    last_error: str


class StoredSecret(Struct, frozen=True):
    """A webhook's secret as it is stored: `sealed`, or in clear by a server of the release that sealed none."""

    id: str
    secret: str
    sealed: str | None


_COLUMNS = [webhooks.c[name] for name in StoredWebhook.__struct_fields__]
_LETTER = [webhook_deliveries.c[name] for name in DeadLetter.__struct_fields__]
_id = webhooks.c.id == bindparam("webhook_id", type_=String)
_dead = (webhook_deliveries.c.webhook_id == bindparam("of", type_=String), webhook_deliveries.c.next_at.is_(None))
_FIND = select(*_COLUMNS).where(_id)
_ADD = insert(webhooks)
_REMOVE = delete(webhooks).where(_id)
_SECRETS = select(webhooks.c.id, webhooks.c.secret, webhooks.c.sealed)
_PUT_SEALED = update(webhooks).where(_id).values(secret="", sealed=bindparam("to", type_=String))
_LETTERS = (
    select(*_LETTER)
    .where(*_dead, webhook_deliveries.c.event_id > bindparam("after", type_=Uuid))
    .order_by(webhook_deliveries.c.event_id)
    .limit(bindparam("limit"))
)
_REPLAY = (
    update(webhook_deliveries)
    .where(*_dead, webhook_deliveries.c.event_id == bindparam("event", type_=Uuid))
    .values(next_at=database_now(), attempts=0)
    .returning(*_LETTER)
)


async def add_webhook(connection: AsyncConnection, webhook: StoredWebhook, sealed: str) -> None:
    """Keep a new webhook with its sealed secret; it is owed every event that leaves the outbox from now on."""
    words = {"kinds": " ".join(webhook.kinds), "secret": "", "sealed": sealed}
    await connection.execute(_ADD, {name: getattr(webhook, name) for name in webhook.__struct_fields__} | words)


async def find_webhook(connection: AsyncConnection, webhook_id: str) -> StoredWebhook | None:
    """Returns the webhook with this id, or None."""
    row = (await connection.execute(_FIND, {"webhook_id": webhook_id})).one_or_none()
    return None if row is None else _webhook(row)


async def webhooks_after(
    connection: AsyncConnection, after: str, stores: Collection[str] | None, limit: int
) -> list[StoredWebhook]:
    """Returns at most `limit` webhooks, oldest first, behind the id `after`; only those of `stores`, unless that is
    None."""
    query = select(*_COLUMNS).where(webhooks.c.id > after).order_by(webhooks.c.id).limit(limit)
    if stores is not None:
        query = query.where(webhooks.c.store_id.in_(sorted(stores)))
    return [_webhook(row) for row in await connection.execute(query)]


async def remove_webhook(connection: AsyncConnection, webhook_id: str) -> None:
    """Remove a webhook and all that is owed to it."""
    await connection.execute(_REMOVE, {"webhook_id": webhook_id})


async def stored_secrets(connection: AsyncConnection) -> list[StoredSecret]:
    """Returns the secrets of all webhooks."""
    return [StoredSecret(*row) for row in await connection.execute(_SECRETS)]


async def put_sealed(connection: AsyncConnection, webhook_id: str, sealed: str) -> None:
    """Replace a webhook's secret by what it is when sealed; nothing of the clear one is left in the file."""
    if connection.dialect.name == "sqlite":
        await connection.execute(text("PRAGMA secure_delete = ON"))
    await connection.execute(_PUT_SEALED, {"webhook_id": webhook_id, "to": sealed})


async def dead_letters(connection: AsyncConnection, webhook_id: str, after: UUID, limit: int) -> list[DeadLetter]:
    """Returns at most `limit` dead letters of a webhook, oldest event first, behind the event `after`."""
    rows = await connection.execute(_LETTERS, {"of": webhook_id, "after": after, "limit": limit})
    return [DeadLetter(*row) for row in rows]


async def replay(connection: AsyncConnection, webhook_id: str, event_id: UUID) -> DeadLetter | None:
    """Make a dead letter due again, with all its attempts before it; None if there is no such letter."""
    row = (await connection.execute(_REPLAY, {"of": webhook_id, "event": event_id})).one_or_none()
    return None if row is None else DeadLetter(*row)


def _webhook(row: Sequence[Any]) -> StoredWebhook:
    id_, url, store_id, kinds, *rest = row
    return StoredWebhook(id_, url, store_id, tuple(kinds.split()), *rest)
