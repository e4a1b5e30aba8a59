"""The composition root: everything a server is made of, started in order and stopped in the reverse order."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from litestar.types import ASGIApp
from nkeys import NkeysError

from backend.alerts.findings import thresholds_of
from backend.api import create_api
from backend.auth.keys import derive_signing_key, former_signing_keys, load_accepted_key, load_signing_key
from backend.auth.tokens import Tokens
from backend.cache.counts import counting
from backend.cache.link import linked
from backend.database.engine import Database, check_schema, open_database
from backend.events.connection import connect_options
from backend.events.feed import Feed
from backend.events.nats_auth import NatsAuth
from backend.events.nats_config import public_key
from backend.events.one_connection import OneConnection
from backend.events.relay import Relay
from backend.events.streams import declare_streams
from backend.http.address import behind_proxies
from backend.http.browsers import refusing_browsers
from backend.http.envelope import envelope
from backend.http.limits import Limits
from backend.http.listener import listening, serve_until, url_of
from backend.http.rates import Rates
from backend.ledger.lanes import Ledger, open_ledger
from backend.model.errors import InvalidInput
from backend.model.events import Outgoing
from backend.model.scans import masks_of
from backend.observability import metrics
from backend.observability import traces as tracing
from backend.people.ended_sessions import SessionWatch
from backend.pickups.following import Follower
from backend.replenishment.service import policy_of
from backend.reservations.expiry import ExpiryLoop
from backend.settings import Settings
from backend.upkeep.loop import Upkeep
from backend.upkeep.watch import Watch
from backend.views.views import open_views
from backend.webhooks.courier import Courier
from backend.webhooks.sealing import Sealer, sealer_of

log = structlog.get_logger(__name__)


@asynccontextmanager
async def running(settings: Settings, stopping: Callable[[], bool] = lambda: False) -> AsyncIterator[ASGIApp]:
    """Yields a server without its socket, until the end of the block; then all that it accepted is settled and
    published.

    Raises MostradorError when it cannot start: the database, its schema or the key file. NATS may be away: events wait
    in the outbox until it is there.
    """
    async with AsyncExitStack() as parts:
        if settings.otel_exporter_otlp_endpoint:
            exporter = tracing.exporter_to(settings.otel_exporter_otlp_endpoint)
            await parts.enter_async_context(tracing.recording(exporter, settings.otel_traces_sampler_arg))
        db = open_database(settings.database_url)
        parts.push_async_callback(db.close)
        await check_schema(db)
        accepted = [load_accepted_key(path) for path in settings.signing_keys_accepted]
        tokens = Tokens(_signing_key(settings), accepted)
        sealer = sealer_for(settings)
        watch = SessionWatch(db, tokens.ended)
        await watch.start()
        parts.push_async_callback(watch.close)
        feed = Feed(connect_options(settings) if settings.nats_servers else None)
        await feed.start()
        parts.push_async_callback(feed.close)
        link = await parts.enter_async_context(linked(settings.redis_url)) if settings.redis_url else None
        counts = await parts.enter_async_context(counting(link))
        views = await parts.enter_async_context(open_views(link)) if link else None
        publish = await _start_nats(settings, db, tokens, parts)

        def after_commit(batch: Sequence[Outgoing]) -> None:
            publish(batch)
            if views is not None:
                views.chain.committed(batch)

        ledger = open_ledger(db, after_commit)
        await ledger.start()
        parts.push_async_callback(ledger.close)
        expiry = ExpiryLoop(db, ledger)
        await expiry.start()
        parts.push_async_callback(expiry.close)
        follower = Follower(db, ledger)
        await follower.start()
        parts.push_async_callback(follower.close)
        courier = Courier(db, sealer, allow_private=settings.webhooks_allow_private)
        await courier.start()
        parts.push_async_callback(courier.close)
        upkeep = Upkeep(db)
        await upkeep.start()
        parts.push_async_callback(upkeep.close)
        if settings.enable_metrics:
            await _start_metrics(settings, db, ledger, parts)
        app = create_api(
            db=db,
            ledger=ledger,
            tokens=tokens,
            sealer=sealer,
            stopping=stopping,
            instance_id=f"{socket.gethostname()}-{os.getpid()}",
            default_ttl=settings.reservation_ttl,
            require_if_match=settings.require_if_match,
            live_url=settings.live_url,
            feed=feed,
            views=views,
            rates=Rates(counts, settings.rate_limit_requests) if settings.rate_limit_requests else None,
            cors_origins=settings.cors_origins,
            webhooks_allow_private=settings.webhooks_allow_private,
            masks=masks_of(settings.in_store_codes),
            policy=policy_of(settings),
            thresholds=thresholds_of(settings),
        )
        yield behind_proxies(
            envelope(refusing_browsers(app, settings.cors_origins), stopping), settings.trusted_proxies
        )


async def serve(
    settings: Settings, stop: asyncio.Event, on_ready: Callable[[str], None], descriptor: int | None = None
) -> None:
    """Serve on the settings' port until `stop` is set. `on_ready` is called with the URL once requests are answered.

    A worker gets the `descriptor` of the port that its parent has opened. Raises what `running` and `listening` raise.
    """
    with listening(settings.server_host, settings.server_port, descriptor) as listener:
        async with running(settings, stop.is_set) as app:
            await serve_until(
                stop,
                app,
                listener,
                on_started=lambda: on_ready(url_of(listener)),
                drain=settings.drain_seconds,
                limits=Limits(
                    connections=settings.max_connections,
                    per_address=settings.max_connections_per_address,
                    proxies=settings.trusted_proxies,
                ),
            )


def sealer_for(settings: Settings) -> Sealer:
    """Returns what a server with these settings seals the secrets of webhooks with. Raises KeyDamaged."""
    former = former_signing_keys(settings.signing_keys_accepted)
    return sealer_of(settings.webhook_key, settings.webhook_keys_accepted, _signing_key(settings), former)


def _signing_key(settings: Settings) -> Ed25519PrivateKey:
    if settings.jwt_secret:
        return derive_signing_key(settings.jwt_secret)
    return load_signing_key(settings.signing_key_file)


async def _start_metrics(settings: Settings, db: Database, ledger: Ledger, parts: AsyncExitStack) -> None:
    metrics.LEDGER_WAITING.set_function(lambda: ledger.waiting)
    port = await parts.enter_async_context(metrics.exposed(settings.metrics_host, settings.metrics_port))
    log.info("metrics_served", host=settings.metrics_host, port=port)
    watch = Watch(db)
    await watch.start()
    parts.push_async_callback(watch.close)


async def _start_nats(
    settings: Settings, db: Database, tokens: Tokens, parts: AsyncExitStack
) -> Callable[[Sequence[Outgoing]], None]:
    """Start what talks to NATS, if there is one; what the ledger is to call after each commit."""
    if not settings.nats_servers:
        return _keep
    options = connect_options(settings)
    if settings.nats_issuer_seed_file is not None:
        gate = NatsAuth(options, _issuer_seed(settings.nats_issuer_seed_file), tokens.verify)
        await gate.start()
        parts.push_async_callback(gate.close)
    if settings.nats_system_user:
        one = OneConnection(options | {"user": settings.nats_system_user})
        await one.start()
        parts.push_async_callback(one.close)
    relay = Relay(
        db, options, partial(declare_streams, replicas=settings.nats_replicas, max_bytes=settings.nats_stream_bytes)
    )
    await relay.start()
    parts.push_async_callback(relay.close)
    return relay.publish


def _issuer_seed(path: Path) -> str:
    try:
        seed = path.read_text("ascii").strip()
        public_key(seed)
    except (OSError, ValueError, NkeysError) as error:
        raise InvalidInput(
            "NATS_ISSUER_SEED_FILE", f"NATS_ISSUER_SEED_FILE: {path} holds no nkey account seed; correct the path."
        ) from error
    return seed


def _keep(batch: Sequence[Outgoing]) -> None:
    """Without NATS the outbox keeps every message for a server that has it."""
