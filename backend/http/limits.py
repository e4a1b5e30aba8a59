"""How many connections a server keeps, for how long, and word of those that it cuts.

Whoever connects has said nothing of who they are yet, so an open connection has to be cheap and its end certain. Each
connection notes what it owes and until when; once a second all are looked through, which costs less than a timer for
each request. The caps are those of one process.
"""

import asyncio
import errno
import os
import socket
import sys
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from typing import Literal, Protocol

import structlog
from msgspec import Struct

from backend.observability.metrics import CONNECTIONS, CONNECTIONS_CUT, FILES_EXHAUSTED

from .address import Network, network_of, usual

log = structlog.get_logger(__name__)

SPARE_FILES = 128
"""Open files that are not for connections of clients: the database, NATS, Redis, webhooks, files."""
TELL_SECONDS = 10.0
"""The log has at most one line about cut connections in so many seconds."""

Reason = Literal["silent", "head", "body", "stalled", "full", "address"]
"""Nothing was sent; half a head; half a body; the answer was not read; too many in all; too many of one address."""


class Limits(Struct, frozen=True):
    """What a connection may cost. The seconds of head and body are for the whole of it, not from byte to byte."""

    connections: int = 10_000
    per_address: int = 2_000
    """Also never more than half of all. An IPv6 network of 64 bits is one address."""
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    stall_seconds: float = 30.0
    """How long a client may take nothing of an answer that waits for it."""
    keep_alive_seconds: int = 75
    """Longer than clients and balancers keep an idle connection: they close first, without a race."""
    proxies: tuple[Network, ...] = ()
    """The connections of these are those of many clients: no cap for one address."""


class Judged(Protocol):
    """A connection, as the server looks at it."""

    def look(self, now: float) -> None:
        """End the connection if its time is up."""


class Connections:
    """The connections of one server: admits them, counts them, looks through them."""

    def __init__(self, limits: Limits, listener: socket.socket) -> None:
        self.limits = limits
        self.most = min(limits.connections, _files() - SPARE_FILES)
        self.most_of_one = max(1, min(limits.per_address, self.most // 2))
        self._listener = listener
        self._count = 0
        self._by_address: Counter[str] = Counter()
        self._cut: Counter[Reason] = Counter()
        self._last_address = ""
        self._told_at = self._files_told_at = float("-inf")
        self._files_gone = False
        if self.most < limits.connections:
            log.warning("connections_limited_by_files", connections=self.most, wanted=limits.connections)

    def admit(self, host: str) -> Literal["full", "address"] | None:
        """Count a new connection of `host`, which then has to `leave`; or say why there is no place for it."""
        network = self._network(host)
        if self._count >= self.most:
            return "full"
        if network and self._by_address[network] >= self.most_of_one:
            return "address"
        self._count += 1
        if network:
            self._by_address[network] += 1
        return None

    def leave(self, host: str) -> None:
        """Forget a connection that was admitted."""
        self._count -= 1
        if network := self._network(host):
            self._by_address[network] -= 1
            if not self._by_address[network]:
                del self._by_address[network]

    def note(self, reason: Reason, host: str) -> None:
        """Count a connection that was cut; the log tells of all of them together."""
        CONNECTIONS_CUT.labels(reason).inc()
        self._cut[reason] += 1
        self._last_address = usual(host)

    def look(self, connections: Iterable[Judged]) -> None:
        """Once a second: end what is overdue, and say what was cut and whether files are left."""
        now = asyncio.get_running_loop().time()
        for connection in list(connections):
            connection.look(now)
        CONNECTIONS.set(self._count)
        if self._cut and now - self._told_at >= TELL_SECONDS:
            log.warning("connections_cut", open=self._count, last_address=self._last_address, **dict(self._cut.items()))
            self._cut.clear()
            self._told_at = now
        self._look_at_files(now)

    def _look_at_files(self, now: float) -> None:
        # Without a free file the event loop closes new connections without a word (libuv); so ask for one.
        try:
            os.close(os.dup(self._listener.fileno()))
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            if now - self._files_told_at >= TELL_SECONDS:
                log.error("files_exhausted", open_connections=self._count, limit=_files())
                self._files_told_at = now
            self._files_gone = True
        else:
            if self._files_gone:
                log.info("files_free_again", open_connections=self._count)
            self._files_gone = False
        FILES_EXHAUSTED.set(self._files_gone)

    def _network(self, host: str) -> str:
        """Whose cap counts for `host`; empty for a proxy's, and for a caller without an address."""
        return _counted(host, self.limits.proxies)


@lru_cache(4096)
def _counted(host: str, proxies: tuple[Network, ...]) -> str:
    address = usual(host)
    if not address or any(ip_address(address) in proxy for proxy in proxies):
        return ""
    return network_of(address)


def open_more_files() -> None:
    """Raise what this process may have open to what the system lets it: each event stream is a file.

    The soft limit is often 1,024, for old programs that use select().
    """
    if sys.platform == "win32":
        return
    import resource  # not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError) as error:  # macOS: its hard limit may be more than the kernel gives
        log.warning("open_files_not_raised", limit=soft, wanted=hard, reason=str(error))
    else:
        log.info("open_files_raised", before=soft, limit=hard)


def _files() -> int:
    """Returns how many files this process may have open."""
    if sys.platform == "win32":
        return sys.maxsize
    import resource  # not on Windows

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft
