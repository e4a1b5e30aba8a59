"""Where a webhook may go: over https to the public internet, so that nobody makes a server call its own network.

A name is judged when it is used, by the addresses that it has at that moment, and the connection is made to the very
address that was judged: between two look-ups a name can change.
"""

import asyncio
import re
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx

from backend.model.errors import InvalidInput

LOOK_UP_SECONDS = 5.0
_UNICAST = IPv6Network("2000::/3")
"""All that is handed out of IPv6. Addresses that wrap one of IPv4 (mapped, NAT64) lie outside."""
_HOST = re.compile(r"[A-Za-z0-9.:-]+")


class AddressRefused(OSError):
    """The name of a webhook's host leads nowhere, or into a network that is not public: no connection is made."""


def check_url(url: str, *, allow_private: bool) -> None:
    """Raises InvalidInput for an address that no webhook may have."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    host = host_of(parsed)
    if not url.isascii() or not _HOST.fullmatch(host) or not 0 < _port(parsed) < 65536:
        raise InvalidInput("url", "url must be the address of your receiver, such as https://shop.example/hook.")
    if parsed.userinfo or parsed.fragment:
        raise InvalidInput("url", "url must have neither a user name nor a fragment (#); take them out.")
    if allow_private:
        wrong = parsed.scheme not in ("http", "https")
    else:
        wrong = parsed.scheme != "https" or host == "localhost" or not _may_be_public(host)
    if wrong:
        raise InvalidInput("url", "url must begin with https:// and name a host on the public internet.")


def host_of(url: httpx.URL) -> str:
    """Returns the name or address that a URL leads to, as DNS knows it."""
    return url.raw_host.decode("ascii")


async def address_of(url: httpx.URL, *, allow_private: bool) -> str:
    """Returns the address to connect to for a URL. Raises AddressRefused."""
    host = host_of(url)
    try:
        async with asyncio.timeout(LOOK_UP_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, _port(url), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # TimeoutError is an OSError too
        raise AddressRefused(f"no address found for {host}") from error
    addresses = [str(entry[4][0]) for entry in found]
    allowed = [x for x in addresses if allow_private or is_public(ip_address(x.partition("%")[0]))]
    if not allowed:
        raise AddressRefused(f"{host} is not on the public internet")
    return min(allowed, key=lambda address: ":" in address)  # IPv4, if there is any: it works from everywhere


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Returns whether an address belongs to the public internet and to one host."""
    if isinstance(address, IPv6Address) and (address not in _UNICAST or address.sixtofour is not None):
        return False
    return address.is_global and not address.is_multicast


def _port(url: httpx.URL) -> int:
    return (443 if url.scheme == "https" else 80) if url.port is None else url.port


def _may_be_public(host: str) -> bool:
    try:
        return is_public(ip_address(host))
    except ValueError:
        return True  # a name
