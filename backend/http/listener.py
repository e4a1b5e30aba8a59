"""Listening on a port and serving the application on it until told to stop."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import cast

import uvicorn
from litestar.types import ASGIApp

from backend.model.errors import InvalidInput, MostradorError

from .limits import Connections, Limits
from .protocol import BoundedProtocol

BACKLOG = 2048
LOOK_TICKS = 10
"""After so many turns of uvicorn's main loop, of 0.1 s each, all connections are looked through."""
GRACE_SECONDS = 8
"""How long requests that have begun may take to finish once the server stops: none needs a second, and whoever stops
the server kills it if it takes much longer."""


class PortTaken(MostradorError):
    """Another program listens there already."""

    code = "port_taken"


class PortRefused(MostradorError):
    """The system does not let this account listen there."""

    code = "port_refused"


@contextmanager
def listening(host: str, port: int, descriptor: int | None = None) -> Iterator[socket.socket]:
    """Yields a socket that listens on `host` and `port` (0: any free one). Nobody is answered until it is served.

    With a `descriptor` it is that open one, inherited from a parent process.

    Raises PortTaken, PortRefused, or InvalidInput for a host that is not this machine's.
    """
    if descriptor is not None:
        with socket.socket(fileno=descriptor) as inherited:
            yield inherited
        return
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that DNS cannot have
        raise _not_here(host) from error
    with listener:
        if os.name == "posix":
            # Restart on the same port at once; on Windows the same option would let two programs share it.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError as error:
            raise _why(error, host, port) from error
        listener.setblocking(False)
        yield listener


def url_of(listener: socket.socket) -> str:
    """Returns the address that a client on this machine uses."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve_until(
    stop: asyncio.Event,
    app: ASGIApp,
    listener: socket.socket,
    *,
    on_started: Callable[[], None],
    drain: float = 0,
    limits: Limits = Limits(),  # noqa: B008  # frozen
) -> None:
    """Answer requests until `drain` seconds after `stop` is set; then accept no more, finish what has begun, return.

    In between the load balancer notices that the server is not ready any more, and sends new requests elsewhere.
    """
    connections = Connections(limits, listener)
    config = uvicorn.Config(
        app,
        http=partial(BoundedProtocol, connections=connections),  # type: ignore[arg-type]  # is called as a class is
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=limits.keep_alive_seconds,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config, connections, on_started)
    serving = asyncio.create_task(server.serve([listener]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({serving}, timeout=drain)
    server.should_exit = True
    stopping.cancel()
    await serving


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers (the caller decides when to stop) and with word of its start."""

    def __init__(self, config: uvicorn.Config, connections: Connections, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._connections = connections
        self._on_started = on_started

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    async def on_tick(self, counter: int) -> bool:
        if counter % LOOK_TICKS == 0:
            self._connections.look(cast(Iterable[BoundedProtocol], self.server_state.connections))
        return await super().on_tick(counter)


def _why(error: OSError, host: str, port: int) -> MostradorError:
    match error.errno:
        case errno.EADDRINUSE:
            return PortTaken(
                f"Port {port} on {host} is taken; stop the program that uses it, or choose another with"
                " --port (SERVER_PORT).",
                port=port,
                host=host,
            )
        case errno.EACCES | errno.EPERM:
            return PortRefused(
                f"This account may not listen on port {port}; choose one above 1023 with --port (SERVER_PORT).",
                port=port,
                host=host,
            )
        case _:
            return _not_here(host)


def _not_here(host: str) -> InvalidInput:
    return InvalidInput("host", f"{host} is no address of this machine; correct --host (SERVER_HOST).")
