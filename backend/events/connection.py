"""A connection to NATS that is made again for ever: NATS may be away for as long as it likes."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

from backend.background.backoff import Backoff
from backend.model.errors import InvalidInput, MostradorError
from backend.settings import NatsSettings
from backend.trust import client_context

log = structlog.get_logger(__name__)

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Seconds between attempts: doubled from the first to the longest, and jittered so that servers do not keep step."""


CANCELLED_SECONDS = 0.1
"""How long a task may take to stop before it is told again."""


async def cancelled(*tasks: asyncio.Future[Any]) -> None:
    """Return when the tasks have ended, which are told until they have.

    On Python 3.11 asyncio.wait_for, inside nats-py, loses a cancellation that comes together with its result.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCELLED_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)


def connect_options(settings: NatsSettings) -> dict[str, Any]:
    """nats-py's options for a connection of our own, by password and, when there is a certificate, over TLS.

    Raises InvalidInput for a certificate or a key that cannot be used.
    """
    options: dict[str, Any] = {"servers": settings.nats_servers}
    if settings.nats_user:
        options |= {"user": settings.nats_user, "password": settings.nats_password}
    speaks_tls = any(address.startswith(("tls:", "wss:")) for address in settings.nats_servers)
    if speaks_tls or settings.nats_tls_ca is not None or settings.nats_tls_cert is not None:
        options["tls"] = _tls(settings)
    return options


def _tls(settings: NatsSettings) -> ssl.SSLContext:
    name = "NATS_TLS_CA"
    try:
        ca = settings.nats_tls_ca
        context = client_context() if ca is None else ssl.create_default_context(cafile=ca)
        if settings.nats_tls_cert is not None:
            name = "NATS_TLS_CERT"
            context.load_cert_chain(settings.nats_tls_cert, settings.nats_tls_key)
    except OSError as error:  # ssl's own errors are such too
        raise InvalidInput(name, f"{name} cannot be used: {error.strerror or error}; correct its path.") from error
    return context


class NatsAway(MostradorError):
    """NATS does not answer, or does not let us in."""

    code = "nats_away"
    retryable = True


@asynccontextmanager
async def connected(options: Mapping[str, Any]) -> AsyncIterator[Client]:
    """Yields one connection with nats-py's `options` until the end of the block, for tools. Raises NatsAway."""

    async def quiet(_: Exception) -> None:
        """What goes wrong on the way is told by whoever waits for an answer."""

    client = Client()
    try:
        await client.connect(
            **options, allow_reconnect=False, max_reconnect_attempts=1, reconnect_time_wait=0, connect_timeout=5,
            error_cb=quiet,
        )  # fmt: skip
    except (OSError, TimeoutError, NatsError) as error:
        raise NatsAway(f"NATS cannot be reached: {str(error) or type(error).__name__}; check its address.") from error
    try:
        yield client
    finally:
        await client.close()


async def stay_connected(options: Mapping[str, Any], session: Callable[[Client], Awaitable[None]]) -> None:
    """Connect with nats-py's `options` and run `session` until the connection is lost; then again, until cancelled.

    `session` is cancelled when its connection is lost. It starts afresh on the next one, so no state survives by half.
    """
    backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
    while True:
        try:
            await _connect_once(options, session)
            backoff.reset()
        except (OSError, TimeoutError, NatsError) as error:
            log.warning("nats_away", detail=str(error) or type(error).__name__)
        await asyncio.sleep(backoff.pause())


async def _connect_once(options: Mapping[str, Any], session: Callable[[Client], Awaitable[None]]) -> None:
    """Returns when the connection is lost or the session is over. Raises what the session or connecting raises."""
    lost = asyncio.Event()

    async def on_lost() -> None:
        lost.set()

    async def on_error(error: Exception) -> None:
        log.debug("nats_error", detail=str(error))

    client = Client()
    try:
        await client.connect(
            **options,
            allow_reconnect=False,
            # nats-py tries each address this often before it gives up, whatever `allow_reconnect` says.
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=2,
            ping_interval=10,
            skip_subject_validation=True,
            closed_cb=on_lost,
            error_cb=on_error,
        )
        log.info("nats_connected")
        work = asyncio.ensure_future(session(client))
        gone = asyncio.ensure_future(lost.wait())
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancelled(work, gone)
        if not work.cancelled():
            work.result()
    finally:
        with suppress(AssertionError):  # of a client that refused its addresses, and so has nothing to close
            await client.close()
