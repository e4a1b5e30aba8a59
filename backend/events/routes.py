"""What happened in a store since a position: in pages, and as server-sent events where only HTTP gets through."""

from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import Annotated

from litestar import get
from litestar.datastructures import Headers
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, HeaderParameter, QueryParameter
from litestar.response import Stream
from msgspec import json

from backend.auth.roles import Scope
from backend.catalogue.search_queries import store_name
from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.request import ApiRequest
from backend.model.errors import InvalidInput, MostradorError, UnknownStore

from .feed import Feed, Page, is_position
from .subjects import Kind

HEARTBEAT_SECONDS = 15.0
"""How long a stream may say nothing: proxies end connections that seem dead."""
MAX_STREAMS = 1_000
"""Streams that one server serves at once."""
RETRY_MS = 1_000
"""How long a browser waits before it connects again."""

StoreOf = Annotated[str | None, QueryParameter(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
After = Annotated[str | None, QueryParameter(max_length=40, description="The `next` of the page before.")]
_REFUSALS = ("store_not_allowed", "unknown_store", "position_gone", "events_away")


class TooManyStreams(MostradorError):
    """This server serves as many streams as it can."""

    code = "busy"
    retryable = True


def event_routes(
    db: Database, feed: Feed, caller: Callable[[Headers], Awaitable[object]], stopping: Callable[[], bool]
) -> list[HTTPRouteHandler]:
    """GET /events and GET /events/stream. `caller` raises when who sent these headers may not call any more."""
    streams = 0

    async def store_of(request: ApiRequest, store_id: str | None) -> str:
        store_id = store_id or request.auth.store_id
        if not store_id:
            raise InvalidInput("store_id", "store_id is missing; add it.")
        request.auth.require_store(store_id)
        async with reading(db) as connection:
            if await store_name(connection, store_id) is None:
                raise UnknownStore(store_id)
        return store_id

    @get("/events", scope=Scope.EVENTS_READ, problems=_REFUSALS)
    async def events(
        request: ApiRequest,
        store_id: StoreOf = None,
        kind: FromQuery[Kind | None] = None,
        after: After = None,
        limit: Annotated[int, QueryParameter(ge=1, le=500)] = 100,
    ) -> Page:
        """The events of a store after a position, oldest first; without a position, where now is."""
        return await feed.read(await store_of(request, store_id), kind, _checked("after", after), limit)

    @get("/events/stream", scope=Scope.EVENTS_READ, problems=(*_REFUSALS, "busy"), media_type="text/event-stream")
    async def stream(
        request: ApiRequest,
        store_id: StoreOf = None,
        kind: FromQuery[Kind | None] = None,
        after: After = None,
        last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID", max_length=40)] = None,
    ) -> Stream:
        """The events of a store as they happen, after `Last-Event-ID`, after a position, or from now on."""
        store = await store_of(request, store_id)
        position = _checked("Last-Event-ID", last_event_id) or _checked("after", after)
        if streams >= MAX_STREAMS:
            raise TooManyStreams("This server has as many event streams as it can serve; connect again in a moment.")
        # What is wrong is said now, as a problem; later it could only be a stream that ends.
        first = await feed.read(store, kind, position, 1)
        return Stream(
            told(store, kind, position or first.next, request.headers),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )

    async def told(store: str, kind: Kind | None, position: str, headers: Headers) -> AsyncIterator[str]:
        """The stream until the token, the session, the key, the server or NATS ends; the client connects again."""
        nonlocal streams
        streams += 1
        try:
            yield f"retry: {RETRY_MS}\nid: {position}\n\n"
            said = monotonic()
            async for page in feed.follow(store, kind, position):
                if stopping():
                    return
                await caller(headers)
                for event in page.events:
                    yield f"id: {event.position}\nevent: {event.kind}\ndata: {json.encode(event).decode()}\n\n"
                if page.events:
                    said = monotonic()
                elif monotonic() - said >= HEARTBEAT_SECONDS:
                    said = monotonic()
                    yield ": still here\n\n"
        except MostradorError:
            return  # told to the client as a problem, when it connects again
        finally:
            streams -= 1

    return [events, stream]


def _checked(field: str, position: str | None) -> str | None:
    if position and not is_position(position):
        raise InvalidInput(field, f"{field} must be a position that this server has named.")
    return position or None
