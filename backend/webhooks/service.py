"""The use cases of webhooks: made, removed, and their dead letters tried again."""

from typing import Annotated

from msgspec import Meta, Struct, structs
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.roles import EVERY_STORE
from backend.auth.tokens import Claims
from backend.database.audit_trail import Origin, record
from backend.database.engine import Database
from backend.database.once import Attempt, run_once
from backend.database.reads import moment
from backend.database.writes import writing
from backend.events.subjects import Kind
from backend.http.errors import UnknownDeadLetter, UnknownWebhook
from backend.http.ids import id_or
from backend.ids import new_id
from backend.keys.management import KeyStore
from backend.stores.queries import require_store

from .address import check_url
from .queries import DeadLetter, StoredWebhook, add_webhook, find_webhook, remove_webhook, replay
from .sealing import Sealer
from .signing import new_secret


class NewWebhookBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be told, and where."""

    url: Annotated[str, Meta(min_length=1, max_length=2000)]
    """https:// and a host on the public internet."""
    store_id: KeyStore
    """The store to hear of, or * for all."""
    kinds: Annotated[tuple[Kind, ...], Meta(min_length=1, max_length=len(Kind))] = tuple(Kind)


class WebhookMade(StoredWebhook, frozen=True, kw_only=True):
    """A new webhook. Its receiver verifies with `secret` who sent an event; it cannot be shown again."""

    secret: str


async def make_webhook(
    db: Database,
    sealer: Sealer,
    caller: Claims,
    origin: Origin,
    data: NewWebhookBody,
    attempt: Attempt | None,
    *,
    allow_private: bool,
) -> WebhookMade:
    """Have events delivered from now on. Raises InvalidInput for the address, StoreNotAllowed, UnknownStore."""
    check_url(data.url, allow_private=allow_private)
    caller.require_store(data.store_id)

    async def effect(connection: AsyncConnection) -> WebhookMade:
        if data.store_id != EVERY_STORE:
            await require_store(connection, data.store_id)
        kinds = tuple(sorted(set(data.kinds)))
        now = await moment(connection)
        made = StoredWebhook(new_id().hex, data.url, data.store_id, kinds, caller.actor, now)
        secret = new_secret()
        await add_webhook(connection, made, sealer.seal(made.id, secret))
        await _tell(connection, origin, "webhook.create", made, after=made)
        return WebhookMade(**structs.asdict(made), secret=secret)

    return await run_once(db, attempt, effect, WebhookMade)


async def delete_webhook(db: Database, caller: Claims, origin: Origin, webhook_id: str) -> StoredWebhook:
    """Deliver nothing more to a webhook, not even what it is still owed; returns what it was. Raises UnknownWebhook."""
    async with writing(db) as connection:
        was = await webhook_of(connection, caller, webhook_id)
        await remove_webhook(connection, webhook_id)
        await _tell(connection, origin, "webhook.delete", was, before=was)
    return was


async def replay_letter(
    db: Database, caller: Claims, origin: Origin, webhook_id: str, event_id: str, attempt: Attempt | None
) -> DeadLetter:
    """Try a dead letter once more, from its first attempt on. Raises UnknownWebhook, UnknownDeadLetter."""

    async def effect(connection: AsyncConnection) -> DeadLetter:
        webhook = await webhook_of(connection, caller, webhook_id)
        letter = await replay(connection, webhook_id, id_or(UnknownDeadLetter, event_id))
        if letter is None:
            raise UnknownDeadLetter(event_id)
        await _tell(connection, origin, "webhook.replay", webhook, after={"event_id": event_id})
        return letter

    return await run_once(db, attempt, effect, DeadLetter)


async def webhook_of(connection: AsyncConnection, claims: Claims, webhook_id: str) -> StoredWebhook:
    """Returns a webhook of the caller's stores. Raises UnknownWebhook."""
    webhook = await find_webhook(connection, webhook_id)
    if webhook is None or not claims.allows_store(webhook.store_id):
        raise UnknownWebhook(webhook_id)
    return webhook


async def _tell(
    connection: AsyncConnection,
    origin: Origin,
    action: str,
    webhook: StoredWebhook,
    before: StoredWebhook | None = None,
    after: StoredWebhook | dict[str, str] | None = None,
) -> None:
    subject = f"webhook:{webhook.id}"
    await record(connection, origin, action, subject, store_id=webhook.store_id, before=before, after=after)
