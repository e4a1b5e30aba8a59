"""HTTP on a connection, as uvicorn speaks it, but not for ever: the head of a request has its bound here.

What comes in one piece is in memory already; the guards of the routes judge it, and answer with a problem. What is no
HTTP never gets to them, so it is answered here, with a problem too.
"""

from msgspec import json
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .codes import PROBLEMS, page_of, title_of

MAX_HEAD = 64 * 1024
"""Bytes of the request line and the headers that are gathered before they are complete."""


class BoundedProtocol(HttpToolsProtocol):
    """Ends a connection whose request line and headers do not end."""

    _head = 0
    _in_head = True

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > MAX_HEAD and not self.transport.is_closing():
            self.send_400_response("The request line and the headers are too long.")

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read as a request, and end the connection."""
        body = json.encode(
            {
                "type": page_of("bad_request"),
                "title": title_of("bad_request"),
                "status": 400,
                "detail": msg,
                "code": "bad_request",
                "retryable": PROBLEMS["bad_request"].retryable,
            }
        )
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            "Content-Type: application/problem+json\r\n"
            f"Content-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def on_headers_complete(self) -> None:
        """The head has ended."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next head begins."""
        self._in_head, self._head = True, 0
        super().on_message_complete()
