"""Which web sites' pages may call the API from a browser (CORS). None may, unless their origins are named."""

from collections.abc import Sequence

from litestar.config.cors import CORSConfig

_SENT = ["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID"]
_READ = ["ETag", "Link", "Location", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"]


def browsers_of(origins: Sequence[str]) -> CORSConfig | None:
    """What pages of these origins may send and read; None for no origins.

    Never with cookies: the API has none.
    """
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=[*_SENT, "X-API-Key", "X-Request-Id"],
        expose_headers=_READ,
    )
