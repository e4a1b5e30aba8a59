"""Webhooks: made, listed and removed, and what could not be delivered to them. A secret is shown once."""

from typing import Annotated, NamedTuple
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct, structs
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.roles import EVERY_STORE, Scope
from backend.auth.tokens import Claims
from backend.catalogue.search_queries import store_name
from backend.database.audit_trail import record
from backend.database.engine import Database
from backend.database.once import run_once
from backend.database.reads import moment, reading
from backend.database.writes import writing
from backend.events.subjects import Kind
from backend.http.commanding import attempt
from backend.http.declaring import ONCE, WRITE
from backend.http.errors import UnknownDeadLetter, UnknownWebhook
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.ids import new_id
from backend.keys.routes import KeyStore
from backend.model.errors import UnknownStore

from .address import check_url
from .queries import (
    DeadLetter,
    StoredWebhook,
    add_webhook,
    dead_letters,
    find_webhook,
    remove_webhook,
    replay,
    webhooks_after,
)
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


class WebhooksShape(Struct, frozen=True):
    """A page of webhooks."""

    webhooks: list[StoredWebhook]


class DeadLettersShape(Struct, frozen=True):
    """A page of events that are not tried any more."""

    dead_letters: list[DeadLetter]


class _Place(NamedTuple):
    id: Annotated[str, Meta(max_length=32, pattern="^[a-z0-9]*$")]


class _LetterPlace(NamedTuple):
    event_id: UUID


def webhook_routes(db: Database, *, allow_private: bool) -> list[HTTPRouteHandler]:
    """/webhooks"""

    @get("/webhooks", scope=Scope.WEBHOOKS_WRITE)
    async def list_webhooks(request: ApiRequest, limit: Limit = 50, cursor: Cursor = None) -> Response[WebhooksShape]:
        """The webhooks of the caller's stores, oldest first."""
        place = behind(cursor, _Place) or _Place("")
        stores = None if request.auth.allows_store(EVERY_STORE) else request.auth.stores
        async with reading(db) as connection:
            found = await webhooks_after(connection, place.id, stores, limit + 1)
        shown, headers = page(request, found, limit, lambda webhook: _Place(webhook.id))
        return Response(WebhooksShape(list(shown)), headers=headers)

    @post("/webhooks", scope=Scope.WEBHOOKS_WRITE, problems=(*ONCE, "store_not_allowed", "unknown_store"))
    async def make(request: ApiRequest, data: JSONBody[NewWebhookBody]) -> WebhookMade:
        """Have events delivered from now on. A webhook of all stores needs a caller of all stores."""
        check_url(data.url, allow_private=allow_private)
        request.auth.require_store(data.store_id)

        async def effect(connection: AsyncConnection) -> WebhookMade:
            if data.store_id != EVERY_STORE and await store_name(connection, data.store_id) is None:
                raise UnknownStore(data.store_id)
            kinds = tuple(sorted(set(data.kinds)))
            now = await moment(connection)
            made = StoredWebhook(new_id().hex, data.url, data.store_id, kinds, request.auth.actor, now)
            secret = new_secret()
            await add_webhook(connection, made, secret)
            await _tell(connection, request, "webhook.create", made, after=made)
            return WebhookMade(**structs.asdict(made), secret=secret)

        return await run_once(db, attempt(request, data), effect, WebhookMade)

    @delete("/webhooks/{webhook_id:str}", scope=Scope.WEBHOOKS_WRITE, problems=(*WRITE, "unknown_webhook"))
    async def remove(request: ApiRequest, webhook_id: FromPath[str]) -> None:
        """Deliver nothing more to a webhook, not even what it is still owed."""
        async with writing(db) as connection:
            was = await _found(connection, request.auth, webhook_id)
            await remove_webhook(connection, webhook_id)
            await _tell(connection, request, "webhook.delete", was, before=was)

    @get("/webhooks/{webhook_id:str}/dead-letters", scope=Scope.WEBHOOKS_WRITE, problems=("unknown_webhook",))
    async def letters(
        request: ApiRequest, webhook_id: FromPath[str], limit: Limit = 50, cursor: Cursor = None
    ) -> Response[DeadLettersShape]:
        """The events that are not tried any more, oldest first."""
        place = behind(cursor, _LetterPlace) or _LetterPlace(UUID(int=0))
        async with reading(db) as connection:
            await _found(connection, request.auth, webhook_id)
            found = await dead_letters(connection, webhook_id, place.event_id, limit + 1)
        shown, headers = page(request, found, limit, lambda letter: _LetterPlace(letter.event_id))
        return Response(DeadLettersShape(list(shown)), headers=headers)

    @post(
        "/webhooks/{webhook_id:str}/dead-letters/{event_id:str}/replay",
        scope=Scope.WEBHOOKS_WRITE,
        problems=(*ONCE, "unknown_webhook", "unknown_dead_letter"),
        status_code=202,
    )
    async def again(request: ApiRequest, webhook_id: FromPath[str], event_id: FromPath[str]) -> DeadLetter:
        """Try a dead letter once more, from its first attempt on."""

        async def effect(connection: AsyncConnection) -> DeadLetter:
            webhook = await _found(connection, request.auth, webhook_id)
            letter = await replay(connection, webhook_id, _event(event_id))
            if letter is None:
                raise UnknownDeadLetter(event_id)
            await _tell(connection, request, "webhook.replay", webhook, after={"event_id": event_id})
            return letter

        return await run_once(db, attempt(request, None), effect, DeadLetter)

    return [list_webhooks, make, remove, letters, again]


async def _found(connection: AsyncConnection, claims: Claims, webhook_id: str) -> StoredWebhook:
    webhook = await find_webhook(connection, webhook_id)
    if webhook is None or not claims.allows_store(webhook.store_id):
        raise UnknownWebhook(webhook_id)
    return webhook


async def _tell(
    connection: AsyncConnection,
    request: ApiRequest,
    action: str,
    webhook: StoredWebhook,
    before: StoredWebhook | None = None,
    after: StoredWebhook | dict[str, str] | None = None,
) -> None:
    subject = f"webhook:{webhook.id}"
    origin = request.origin()
    await record(connection, origin, action, subject, store_id=webhook.store_id, before=before, after=after)


def _event(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise UnknownDeadLetter(text) from None
