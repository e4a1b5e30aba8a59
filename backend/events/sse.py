"""Streams of server-sent events: who may hold how many, what is written to them, and when they end.

A stream waits for the tail of its store and writes what it is given; nothing else happens for it. Its token or
key is looked at once a second, for all streams that show the same.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import structlog
from litestar import Litestar, Request
from litestar.datastructures import Headers
from litestar.response import Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send
from msgspec import json

from backend.http.access import KEY
from backend.model.errors import MostradorError

from .tail import Follower, Overtaken

log = structlog.get_logger(__name__)

MAX_STREAMS = 1_000
"""Streams that one server serves at once."""
MAX_OF_A_CALLER = 20
"""Streams that a person or a key holds on one server."""
RETRY_MS = 1_000
"""How long a browser waits before it connects again."""
LOOK_SECONDS = 1.0
"""Between two looks at a token or a key."""
STUCK_SECONDS = 30.0
"""How long a client may take nothing at all."""


class StreamsTaken(MostradorError):
    """This server serves as many streams as it can."""

    code = "busy"
    retryable = True

    def __init__(self) -> None:
        super().__init__("This server has as many event streams as it can serve; connect again in a moment.")


class TooManyStreams(MostradorError):
    """The caller holds as many streams as one may."""

    code = "too_many_streams"
    retryable = True

    def __init__(self) -> None:
        super().__init__(
            f"You hold {MAX_OF_A_CALLER} event streams already; close one, or follow all kinds of a store in one.",
            limit=MAX_OF_A_CALLER,
            retry_after=5,
        )


class Held:
    """A stream while it lasts: it can be ended from outside, whatever it waits for."""

    def __init__(self, lasting: asyncio.Timeout) -> None:
        self.writing_since: float | None = None
        self.over = False
        self._lasting = lasting

    def end(self) -> None:
        """Let the stream end now."""
        if not self.over:
            self.over = True
            self._lasting.reschedule(0)


class Streams:
    """The streams of a server."""

    def __init__(self, caller: Callable[[Headers], Awaitable[object]], stopping: Callable[[], bool]) -> None:
        """`caller` raises when who sent these headers may not call any more."""
        self._caller, self._stopping = caller, stopping
        self._number = 0
        self._of_actor: Counter[str] = Counter()
        self._watches: dict[tuple[str | None, str | None], _Watch] = {}

    @asynccontextmanager
    async def holding(self, actor: str, headers: Headers) -> AsyncIterator[Held]:
        """Yields one more stream, until the end of the block or until it is over.

        Raises TooManyStreams and StreamsTaken.
        """
        if self._of_actor[actor] >= MAX_OF_A_CALLER:
            raise TooManyStreams
        if self._number >= MAX_STREAMS:
            raise StreamsTaken
        shown = headers.get("authorization"), headers.get(KEY)
        watch = self._watches.get(shown)
        if watch is None:
            watch = self._watches[shown] = _Watch(lambda: self._caller(headers), self._stopping)
        self._number += 1
        self._of_actor[actor] += 1
        try:
            async with asyncio.timeout(None) as lasting:
                held = Held(lasting)
                watch.streams.add(held)
                yield held
        except TimeoutError:
            if not held.over:
                raise
        finally:
            self._number -= 1
            self._of_actor[actor] -= 1
            if not self._of_actor[actor]:
                del self._of_actor[actor]
            watch.streams.discard(held)
            if not watch.streams:
                watch.close()
                if self._watches.get(shown) is watch:
                    del self._watches[shown]


class _Watch:
    """Looks at a token or a key for all streams that were opened with it, until `close`."""

    def __init__(self, look: Callable[[], Awaitable[object]], stopping: Callable[[], bool]) -> None:
        self.streams: set[Held] = set()
        self._look, self._stopping = look, stopping
        self._task = asyncio.create_task(self._run(), name="streams-watch")

    def close(self) -> None:
        """There are no more streams."""
        self._task.cancel()

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        try:
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                if not self.streams:
                    return  # a cancellation may get lost in a driver
                for held in self.streams:
                    if held.writing_since is not None and clock() - held.writing_since > STUCK_SECONDS:
                        log.info("stream_dropped", detail="The client takes nothing.")
                        held.end()
                await self._look()
                if self._stopping():
                    return
        except MostradorError:
            return  # told to the client as a problem, when it connects again
        finally:
            for held in self.streams:
                held.end()


class EventStream(Response[None]):
    """The events of a store, until the token, the session, the key, the server or NATS ends."""

    def __init__(
        self,
        position: str,
        holding: AbstractAsyncContextManager[Held],
        following: AbstractAsyncContextManager[Follower],
    ) -> None:
        super().__init__(None, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._position, self._holding, self._following = position, holding, following

    def to_asgi_response(self, app: Litestar | None, request: Request[Any, Any, Any], **given: Any) -> ASGIResponse:
        """Returns the response as an ASGI application."""
        given.pop("type_encoders", None)
        given["headers"] = {**(given.get("headers") or {}), **self.headers}
        given["media_type"] = self.media_type
        return _Streaming(self._position, self._holding, self._following, **given)


class _Streaming(ASGIResponse):
    _should_set_content_length = False

    def __init__(
        self,
        position: str,
        holding: AbstractAsyncContextManager[Held],
        following: AbstractAsyncContextManager[Follower],
        **given: Any,
    ) -> None:
        super().__init__(**given)
        self._position, self._holding, self._following = position, holding, following

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._holding as held, self._following as follower:
            # Until here what is wrong is said as a problem; from now on it could only be a stream that ends.
            await self.start_response(send)
            leaving = asyncio.create_task(_until_gone(receive, held), name="stream-leaving")
            try:
                await self._write(held, follower, send)
            finally:
                leaving.cancel()
                await asyncio.gather(leaving, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):  # of a client that takes nothing
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, held: Held, follower: Follower, send: Send) -> None:
        clock = asyncio.get_running_loop().time
        data = f"retry: {RETRY_MS}\nid: {self._position}\n\n".encode()
        while not held.over:  # which is also told by a cancellation, but one may get lost in a driver
            held.writing_since = clock()
            await send({"type": "http.response.body", "body": data, "more_body": True})
            held.writing_since = None
            try:
                data = await follower.read()
            except Overtaken as overtaken:
                log.info("stream_dropped", detail=overtaken.message)
                said = json.encode({"code": overtaken.code, "message": overtaken.message})
                data = b"event: dropped\ndata: " + said + b"\n\n"
                await send({"type": "http.response.body", "body": data, "more_body": True})
                return
            except MostradorError:
                return  # told to the client as a problem, when it connects again


async def _until_gone(receive: Receive, held: Held) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    held.end()
