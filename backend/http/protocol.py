"""HTTP on a connection, as uvicorn speaks it, but not for ever: size and time of a request have their bounds here.

What comes in one piece is in memory already; the guards of the routes judge it, and answer with a problem. What is no
HTTP never gets to them, so it is answered here, with a problem too. Who is too slow, or one too many, is answered here
as well; see `limits` for the bounds.
"""

from asyncio import AbstractEventLoop, BaseTransport
from http import HTTPStatus
from math import inf
from typing import Any

from msgspec import json
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from .codes import PROBLEMS, page_of, title_of
from .limits import Connections, Reason

MAX_HEAD = 64 * 1024
"""Bytes of the request line and the headers that are gathered before they are complete."""
_NO_HOST = "A request of HTTP/1.1 has one header Host; send it."
_TOO_SLOW = "The {} of the request did not arrive within {:g} s; send it again."


class _Unreadable(Exception):
    """Raised out of the parser's callbacks: what arrived is no request that may be answered as one."""


class BoundedProtocol(HttpToolsProtocol):
    """Ends a connection whose request line, headers or body do not end, or whose client reads no answer."""

    _head = 0
    """Bytes since the last whole request."""
    _in_head = True
    _whole = False
    """Whether what arrived last ended with the end of a request."""
    _deadline = inf
    """When the head or the body that has begun has to be there."""
    _unsent = 0
    _moved_at = inf
    """When the client was last seen to take something of its answer, or to have taken all."""
    _admitted = False
    _why = ""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
        *,
        connections: Connections,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._among = connections
        self._limits = connections.limits

    @property
    def _host(self) -> str:
        return self.client[0] if self.client else ""

    def connection_made(self, transport: BaseTransport) -> None:
        """Take the connection, or answer that it is one too many."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._moved_at = self.loop.time()
        self._deadline = self._moved_at + self._limits.head_seconds
        refused = self._among.admit(self._host)
        self._admitted = refused is None
        if refused is not None:
            self._among.note(refused, self._host)
            if refused == "full":
                self._refuse("busy", PROBLEMS["busy"].detail)
            else:
                most = self._among.most_of_one
                sentence = f"This address has {most} connections open; use one of them, or close some."
                self._refuse("too_many_connections", sentence, limit=most)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the next one have its place."""
        super().connection_lost(exc)
        if self._admitted:
            self._among.leave(self._host)

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        self._head += len(data)
        self._whole = False
        super().data_received(data)
        if self._whole:
            return
        if self._in_head and self._head > MAX_HEAD and not self.transport.is_closing():
            self.send_400_response("The request line and the headers are too long.")
        elif self._deadline == inf:
            limits = self._limits
            self._deadline = self.loop.time() + (limits.head_seconds if self._in_head else limits.body_seconds)

    def look(self, now: float) -> None:
        """End the connection if its time is up: called once a second."""
        unsent = self.transport.get_write_buffer_size()
        if unsent == 0 or unsent < self._unsent:
            self._moved_at = now
        self._unsent = unsent
        if now - self._moved_at > self._limits.stall_seconds:
            self._among.note("stalled", self._host)
            self.transport.abort()
        elif now > self._deadline:
            if self.flow.read_paused:  # it is we who do not take what was sent
                self._deadline = inf
            else:
                self._end_slow()

    def _end_slow(self) -> None:
        reason: Reason = "body" if not self._in_head else "head" if self._head else "silent"
        self._deadline = inf
        self._among.note(reason, self._host)
        # A half-sent body has begun a request; a head may be half-sent while the request before it is answered.
        answering = self.cycle is not None and not self.cycle.response_complete
        if reason == "silent" or (answering and (reason == "head" or self.cycle.response_started)):
            self.transport.close()
        else:
            seconds = self._limits.head_seconds if reason == "head" else self._limits.body_seconds
            self._refuse("request_timeout", _TOO_SLOW.format(reason, seconds))

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read as a request, and end the connection."""
        self._refuse("bad_request", self._why or msg)

    def _refuse(self, code: str, sentence: str, **fields: int) -> None:
        """Answer with the problem `code`, and end the connection."""
        meaning = PROBLEMS[code]
        body = json.encode(
            {
                "type": page_of(code),
                "title": title_of(code),
                "status": meaning.status,
                "detail": sentence,
                "code": code,
                "retryable": meaning.retryable,
                **fields,
            }
        )
        again = "Retry-After: 1\r\n" if meaning.retryable else ""
        head = (
            f"HTTP/1.1 {meaning.status} {HTTPStatus(meaning.status).phrase}\r\n"
            "Content-Type: application/problem+json\r\n"
            f"Content-Length: {len(body)}\r\n"
            f"{again}"
            "Connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._whole = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head has ended. Raises _Unreadable for one of HTTP/1.1 that does not say one host (RFC 9112, 3.2)."""
        self._in_head, self._deadline = False, inf
        if [name for name, _ in self.headers].count(b"host") != 1 and self.parser.get_http_version() == "1.1":
            self._why = _NO_HOST
            raise _Unreadable
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next head may begin."""
        self._in_head, self._head, self._whole, self._deadline = True, 0, True, inf
        super().on_message_complete()
