"""Whose address counts: a caller's own, unless a proxy that is trusted reports another."""

from ipaddress import ip_network

import pytest
from litestar.connection import ASGIConnection
from litestar.types import Receive, Scope, Send

from backend.http.address import behind_proxies, client_address

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


async def seen(peer: str | None, *headers: tuple[str, str]) -> tuple[str, str]:
    """The address and the scheme that the application sees."""
    found: list[tuple[str, str]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found.append((client_address(ASGIConnection(scope)), scope["scheme"]))

    scope = {
        "type": "http",
        "scheme": "http",
        "client": (peer, 1234) if peer else None,
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }
    await behind_proxies(app, TRUSTED)(scope, None, None)  # type: ignore[arg-type]
    return found[0]


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # it may say what it wants
        ("10.1.1.1", "198.51.100.1", "198.51.100.1"),
        ("10.1.1.1", "198.51.100.1:5123", "198.51.100.1"),
        ("10.1.1.1", "1.2.3.4, 198.51.100.1, 10.2.2.2", "198.51.100.1"),  # 1.2.3.4 was sent by the caller
        ("::ffff:10.1.1.1", "198.51.100.1", "198.51.100.1"),
        ("::ffff:203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("fd00::1", "2001:DB8:0::1", "2001:db8::1"),
        ("10.1.1.1", "nobody", ""),
        ("10.1.1.1", None, "10.1.1.1"),
        (None, None, ""),
    ],
)
async def test_only_a_trusted_proxy_says_who_calls(peer: str | None, forwarded_for: str | None, address: str) -> None:
    headers = [] if forwarded_for is None else [("x-forwarded-for", forwarded_for)]
    assert (await seen(peer, *headers))[0] == address


async def test_only_a_trusted_proxy_says_that_it_was_https() -> None:
    https = ("x-forwarded-proto", "https")
    assert (await seen("10.1.1.1", https))[1] == "https"
    assert (await seen("203.0.113.7", https))[1] == "http"


async def test_without_proxies_nothing_stands_in_between() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None: ...

    assert behind_proxies(app, ()) is app
