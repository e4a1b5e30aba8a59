"""What every request and response has, whatever the route: a request id, security headers, HEAD like GET."""

import re
from collections.abc import Callable, Iterable
from time import perf_counter

import structlog
from litestar.enums import HttpMethod, ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from backend.ids import new_id
from backend.observability import traces as tracing
from backend.observability.metrics import HTTP_REQUESTS, HTTP_SECONDS

from .rates import rate_headers

log = structlog.get_logger(__name__)

_UNLESS_SAID = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
"""What an answer has for which its route says nothing else."""
_SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
"""OWASP's list for APIs (REST Security Cheat Sheet), but for those that belong to pages."""
_ONLY_HTTPS = (b"strict-transport-security", b"max-age=31536000")
"""For a year, once a browser has come over https."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


def envelope(app: ASGIApp, stopping: Callable[[], bool] = lambda: False) -> ASGIApp:
    """Returns `app` with a request id taken from the caller's X-Request-Id or made here, logged and sent back."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        request_id = _sent(scope["headers"]) or str(new_id()).encode()
        structlog.contextvars.bind_contextvars(request_id=request_id.decode())
        head = scope["method"] == "HEAD"
        inner: Scope = {**scope, "method": HttpMethod.GET} if head else scope
        started, status, ended = perf_counter(), 0, False

        async def send_on(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], *_SECURITY, *rate_headers(inner), (b"x-request-id", request_id)]
                if inner["scheme"] == "https":
                    headers.append(_ONLY_HTTPS)
                said = {name for name, _ in message["headers"]}
                headers += [header for header in _UNLESS_SAID if header[0] not in said]
                if stopping():
                    # The next request of this connection, from a pool of the balancer's, must find another server.
                    headers.append((b"connection", b"close"))
                message["headers"] = headers
            elif head and message["type"] == "http.response.body":
                if ended:
                    return
                # The first part is the last: a stream of events would keep the connection from its next request.
                message["body"], message["more_body"], ended = b"", False, True
            await send(message)

        with tracing.request(scope["method"], scope["path"], scope["headers"]) as span:
            await app(inner, receive, send_on)
            # The template, not the path: a label for every product would be a series for every product.
            route = inner.get("path_template", "none")
            tracing.answered(span, scope["method"], route, status)
        seconds = perf_counter() - started
        HTTP_REQUESTS.labels(scope["method"], route, status).inc()
        HTTP_SECONDS.labels(scope["method"], route).observe(seconds)
        log.debug(
            "request", method=scope["method"], path=scope["path"], status=status, milliseconds=round(seconds * 1000, 1)
        )

    return wrapped


def _sent(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return value
    return None
