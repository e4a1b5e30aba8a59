"""What happened in a store since a position: in pages, and as server-sent events where only HTTP gets through."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from litestar import get
from litestar.datastructures import Headers
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, HeaderParameter, QueryParameter

from backend.database.engine import Database
from backend.database.reads import reading
from backend.events.sse import EventStream, Streams
from backend.http.request import ApiRequest
from backend.model.errors import InvalidInput
from backend.model.scopes import Scope
from backend.stores.queries import require_store

from .feed import Feed, Page, is_position
from .subjects import Kind
from .tail import Tails

StoreOf = Annotated[str | None, QueryParameter(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
After = Annotated[str | None, QueryParameter(max_length=40, description="The `next` of the page before.")]
_REFUSALS = ("store_not_allowed", "unknown_store", "position_gone", "events_away")


def event_routes(
    db: Database, feed: Feed, caller: Callable[[Headers], Awaitable[object]], stopping: Callable[[], bool]
) -> list[HTTPRouteHandler]:
    """GET /events and GET /events/stream. `caller` raises when who sent these headers may not call any more."""
    streams, tails = Streams(caller, stopping), Tails(feed)

    async def store_of(request: ApiRequest, store_id: str | None) -> str:
        store_id = store_id or request.auth.store_id
        if not store_id:
            raise InvalidInput("store_id", "store_id is missing; add it.")
        request.auth.require_store(store_id)
        async with reading(db) as connection:
            await require_store(connection, store_id)
        return store_id

    @get("/events", scope=Scope.EVENTS_READ, problems=_REFUSALS)
    async def events(
        request: ApiRequest,
        store_id: StoreOf = None,
        kind: FromQuery[Kind | None] = None,
        after: After = None,
        limit: Annotated[int, QueryParameter(ge=1, le=500)] = 100,
    ) -> Page:
        """Returns the events of a store after a position, oldest first; without a position, where now is."""
        return await feed.read(await store_of(request, store_id), kind, _checked("after", after), limit)

    @get(
        "/events/stream",
        scope=Scope.EVENTS_READ,
        problems=(*_REFUSALS, "busy", "too_many_streams"),
        media_type="text/event-stream",
    )
    async def stream(
        request: ApiRequest,
        store_id: StoreOf = None,
        kind: FromQuery[Kind | None] = None,
        after: After = None,
        last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID", max_length=40)] = None,
    ) -> EventStream:
        """Returns the events of a store as they happen, after `Last-Event-ID`, after a position, or from now on."""
        store = await store_of(request, store_id)
        position = _checked("Last-Event-ID", last_event_id) or _checked("after", after)
        position = await feed.checked(position)
        return EventStream(
            position, streams.holding(request.auth.actor, request.headers), tails.following(store, kind, position)
        )

    return [events, stream]


def _checked(field: str, position: str | None) -> str | None:
    if position and not is_position(position):
        raise InvalidInput(field, f"{field} must be a position that this server has named.")
    return position or None
