"""The composition root: everything a server is made of, started in order and stopped in the reverse order."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from litestar.types import ASGIApp

from .auth import Tokens, load_signing_key
from .database import Database, check_schema, open_database
from .events.relay import Relay
from .http.app import create_app
from .http.envelope import envelope
from .http.listener import listening, serve_until, url_of
from .ledger import open_ledger
from .model.events import Outgoing
from .settings import Settings


@asynccontextmanager
async def running(settings: Settings, stopping: Callable[[], bool] = lambda: False) -> AsyncIterator[ASGIApp]:
    """A server without its socket, until the end of the block; then all that it accepted is settled and published.

    Raises MostradorError when it cannot start: the database, its schema or the key file. NATS may be away: events wait
    in the outbox until it is there.
    """
    async with AsyncExitStack() as parts:
        db = open_database(settings.database_url)
        parts.push_async_callback(db.close)
        await check_schema(db)
        tokens = Tokens(load_signing_key(settings.signing_key_file))
        ledger = open_ledger(db, await _start_events(settings, db, parts))
        await ledger.start()
        parts.push_async_callback(ledger.close)
        app = create_app(
            db=db,
            ledger=ledger,
            tokens=tokens,
            stopping=stopping,
            instance_id=f"{socket.gethostname()}-{os.getpid()}",
            default_ttl=settings.reservation_ttl,
            live_url=settings.live_url,
        )
        yield envelope(app)


async def serve(settings: Settings, stop: asyncio.Event, on_ready: Callable[[str], None]) -> None:
    """Serve on the settings' port until `stop` is set. `on_ready` is called with the URL once requests are answered.

    Raises what `running` and `listening` raise.
    """
    with listening(settings.server_host, settings.server_port) as listener:
        async with running(settings, stop.is_set) as app:
            await serve_until(stop, app, listener, on_started=lambda: on_ready(url_of(listener)))


async def _start_events(
    settings: Settings, db: Database, parts: AsyncExitStack
) -> Callable[[Sequence[Outgoing]], None]:
    """Start the relay, if there is a NATS to publish to; what the ledger is to call after each commit."""
    if not settings.nats_url:
        return _keep
    relay = Relay(db, _nats_options(settings))
    await relay.start()
    parts.push_async_callback(relay.close)
    return relay.publish


def _nats_options(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {"servers": [settings.nats_url]}
    if settings.nats_user:
        options |= {"user": settings.nats_user, "password": settings.nats_password}
    return options


def _keep(batch: Sequence[Outgoing]) -> None:
    """Without NATS the outbox keeps every message for a server that has it."""
