"""Which web sites' pages may call the API from a browser (CORS). None may, unless their origins are named."""

from collections.abc import Sequence

from litestar.config.cors import CORSConfig
from litestar.datastructures import Headers
from litestar.enums import HttpMethod, ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from .problems import problem
from .request import ApiRequest

_METHODS: list[HttpMethod] = [HttpMethod.GET, HttpMethod.POST, HttpMethod.PUT, HttpMethod.DELETE]
_SENT = [
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "X-API-Key",
    "X-Request-Id",
]
_ALWAYS = {"accept", "accept-language", "content-language"}
"""What a browser may send without asking."""
_READ = ["ETag", "Link", "Location", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"]


def browsers_of(origins: Sequence[str]) -> CORSConfig | None:
    """Returns what pages of these origins may send and read; None for no origins.

    Never with cookies: the API has none.
    """
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins), allow_methods=[*_METHODS], allow_headers=[*_SENT], expose_headers=_READ
    )


def refusing_browsers(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """Returns `app`, in front of which a browser's question is denied with a problem; Litestar's own denial is bare
    text."""
    if not origins:
        return app
    named = set(origins)

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and scope["method"] == HttpMethod.OPTIONS:
            headers = Headers.from_scope(scope)
            if "origin" in headers and (why := _refusal(headers, named)):
                request = ApiRequest(scope, receive, send)
                answer = problem(request, "bad_request", why).to_asgi_response(app=None, request=request)
                await answer(scope, receive, send)
                return
        await app(scope, receive, send)

    return wrapped


def _refusal(headers: Headers, origins: set[str]) -> str | None:
    """Returns why a page may not send what its browser asks for, if so."""
    origin, method = headers["origin"], headers.get("access-control-request-method", "GET")
    if origin not in origins:
        return f"Pages of {origin} may not call this server; its operator can name them in CORS_ORIGINS."
    if method not in _METHODS:
        return f"Pages may not send {method}; they may send {', '.join(_METHODS)}."
    known = {name.lower() for name in _SENT} | _ALWAYS
    asked = [name.strip() for name in headers.get("access-control-request-headers", "").split(",") if name.strip()]
    for name in asked:
        if name.lower() not in known:
            return f"Pages may not send the header {name}; they may send {', '.join(_SENT)}."
    return None
