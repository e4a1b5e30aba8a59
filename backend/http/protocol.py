"""HTTP on a connection, as uvicorn speaks it, but not for ever: the head of a request has its bound here.

What comes in one piece is in memory already; the guards of the routes judge it, and answer with a problem.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

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

    def on_headers_complete(self) -> None:
        """The head has ended."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next head begins."""
        self._in_head, self._head = True, 0
        super().on_message_complete()
