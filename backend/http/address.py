"""Where a request comes from: the caller's own address, also behind load balancers, and whether it came over https."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import cast

from litestar.connection import ASGIConnection
from litestar.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

Network = IPv4Network | IPv6Network


def behind_proxies(app: ASGIApp, trusted: Iterable[Network]) -> ASGIApp:
    """Returns `app` with the address and the scheme that proxies in the `trusted` networks report.

    The last address in X-Forwarded-For that is no trusted proxy is the caller; what is left of it the caller may have
    made up. From anybody else the headers mean nothing.
    """
    names = [name for network in trusted for name in _names(network)]
    return cast(ASGIApp, ProxyHeadersMiddleware(app, names)) if names else app  # type: ignore[arg-type]


def client_address(connection: ASGIConnection) -> str:  # type: ignore[type-arg]
    """Returns the IP address of the caller, in its one usual form; empty for none (a caller inside this process)."""
    return usual(connection.client.host) if connection.client else ""


@lru_cache(4096)
def usual(host: str) -> str:
    """Returns the address `host` in its one usual form; empty for what is none."""
    try:
        address = ip_address(host)
    except ValueError:  # a proxy that reports a name or nonsense
        return ""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


@lru_cache(4096)
def network_of(address: str) -> str:
    """Whom an address stands for: a household or a company has a whole /64 of IPv6."""
    return str(IPv6Network((address, 64), strict=False)) if ":" in address else address


def _names(network: Network) -> list[str]:
    """Returns a socket that listens on :: sees IPv4 callers as ::ffff:a.b.c.d."""
    if isinstance(network, IPv6Network):
        return [str(network)]
    return [str(network), f"::ffff:{network.network_address}/{96 + network.prefixlen}"]
