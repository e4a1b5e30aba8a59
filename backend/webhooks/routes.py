"""Webhooks: made, listed and removed, and what could not be delivered to them. A secret is shown once."""

from typing import Annotated, NamedTuple
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from backend.auth.roles import EVERY_STORE
from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.commanding import attempt
from backend.http.declaring import ONCE, WRITE
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.model.scopes import Scope

from .queries import (
    DeadLetter,
    StoredWebhook,
    dead_letters,
    webhooks_after,
)
from .sealing import Sealer
from .service import NewWebhookBody, WebhookMade, delete_webhook, make_webhook, replay_letter, webhook_of


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


def webhook_routes(db: Database, sealer: Sealer, *, allow_private: bool) -> list[HTTPRouteHandler]:
    """/webhooks"""

    @get("/webhooks", scope=Scope.WEBHOOKS_WRITE)
    async def list_webhooks(request: ApiRequest, limit: Limit = 50, cursor: Cursor = None) -> Response[WebhooksShape]:
        """Returns the webhooks of the caller's stores, oldest first."""
        place = behind(cursor, _Place) or _Place("")
        stores = None if request.auth.allows_store(EVERY_STORE) else request.auth.stores
        async with reading(db) as connection:
            found = await webhooks_after(connection, place.id, stores, limit + 1)
        shown, headers = page(request, found, limit, lambda webhook: _Place(webhook.id))
        return Response(WebhooksShape(list(shown)), headers=headers)

    @post("/webhooks", scope=Scope.WEBHOOKS_WRITE, problems=(*ONCE, "store_not_allowed", "unknown_store"))
    async def make(request: ApiRequest, data: JSONBody[NewWebhookBody]) -> WebhookMade:
        """Have events delivered from now on. A webhook of all stores needs a caller of all stores."""
        return await make_webhook(
            db, sealer, request.auth, request.origin(), data, attempt(request, data), allow_private=allow_private
        )

    @delete("/webhooks/{webhook_id:str}", scope=Scope.WEBHOOKS_WRITE, problems=(*WRITE, "unknown_webhook"))
    async def remove(request: ApiRequest, webhook_id: FromPath[str]) -> None:
        """Deliver nothing more to a webhook, not even what it is still owed."""
        await delete_webhook(db, request.auth, request.origin(), webhook_id)

    @get("/webhooks/{webhook_id:str}/dead-letters", scope=Scope.WEBHOOKS_WRITE, problems=("unknown_webhook",))
    async def letters(
        request: ApiRequest, webhook_id: FromPath[str], limit: Limit = 50, cursor: Cursor = None
    ) -> Response[DeadLettersShape]:
        """Returns the events that are not tried any more, oldest first."""
        place = behind(cursor, _LetterPlace) or _LetterPlace(UUID(int=0))
        async with reading(db) as connection:
            await webhook_of(connection, request.auth, webhook_id)
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

        return await replay_letter(db, request.auth, request.origin(), webhook_id, event_id, attempt(request, None))

    return [list_webhooks, make, remove, letters, again]
