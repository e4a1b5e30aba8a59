"""The courier: posts what is owed to webhooks, on every server, until it was received or has failed too often.

Each webhook has a task of its own here while something is due for it, so a receiver that is slow or gone keeps only
itself waiting.
"""

import asyncio
import random
import ssl
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

import httpx
import structlog
from msgspec import DecodeError, json
from sqlalchemy.exc import SQLAlchemyError

from backend.database.engine import Database
from backend.database.reads import reading
from backend.database.writes import writing
from backend.events.subjects import only
from backend.model.errors import MostradorError
from backend.model.events import Message
from backend.observability import metrics

from .address import AddressRefused, address_of, host_of
from .deliveries import Delivery, Due, Failure, claim, due_webhooks, settle
from .sealing import Sealer, WebhookKeyUnfit, seal_all
from .signing import signed_headers

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
PAGE = 20
"""Deliveries to one receiver at once."""
PATIENCE_SECONDS = 10.0
"""From the connection to the answer."""
FIRST_PAUSE, FACTOR, LONGEST_PAUSE = 5.0, 4.0, 24 * 3600.0
MAX_ATTEMPTS = 10
"""With these pauses: in about two days."""


class Courier:
    """Delivers, from `start` to `close`."""

    def __init__(self, database: Database, sealer: Sealer, *, allow_private: bool) -> None:
        """`sealer` opens the webhooks' secrets.

        `allow_private`: also over http, and to addresses that are not on the public internet.
        """
        self._database = database
        self._sealer = sealer
        self._all_sealed = False
        self._allow_private = allow_private
        self._rounds: dict[str, asyncio.Task[None]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._closing = False

    async def start(self) -> None:
        """Begin."""
        self._looking = asyncio.create_task(self._look_always(), name="webhooks")

    async def close(self, deadline: float = 2.0) -> None:
        """Finish what is under way; what takes longer than `deadline` seconds is posted again after its lease."""
        self._closing = True
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        rounds = list(self._rounds.values())
        if rounds:
            await asyncio.wait(rounds, timeout=deadline)
        for task in rounds:
            task.cancel()
        await asyncio.gather(*rounds, return_exceptions=True)

    async def _look_always(self) -> None:
        tls: ssl.SSLContext | None = None
        while True:
            due = await self._due() if await self._seal() else []
            if due and tls is None:  # takes 50 ms, which a server without webhooks saves
                tls = await asyncio.to_thread(_believed)
            for webhook in due:
                if tls is not None and webhook.id not in self._rounds:
                    task = asyncio.create_task(self._deliver_due(webhook, tls), name=f"webhook-{webhook.id}")
                    self._rounds[webhook.id] = task
            await asyncio.sleep(LOOK_SECONDS * random.uniform(0.8, 1.2))

    async def _seal(self) -> bool:
        """Seals all secrets at the start, and when the release before has made one; returns whether that is done."""
        if not self._all_sealed:
            try:
                await seal_all(self._database, self._sealer)
            except (MostradorError, SQLAlchemyError) as error:
                log.warning("webhook_secrets_not_sealed", detail=str(error))
                return False
            self._all_sealed = True
        return True

    async def _due(self) -> list[Due]:
        try:
            async with reading(self._database) as connection:
                due = await due_webhooks(connection)
            self._all_sealed = all(webhook.sealed is not None for webhook in due)
            return [webhook for webhook in due if webhook.sealed is not None]
        except (MostradorError, SQLAlchemyError) as error:
            log.warning("webhooks_not_read", detail=str(error))
            return []

    async def _deliver_due(self, webhook: Due, tls: ssl.SSLContext) -> None:
        try:
            # A proxy of the environment would look up the name again, after it was judged.
            async with httpx.AsyncClient(verify=tls, trust_env=False, timeout=None) as client:
                while not self._closing and await self._deliver_page(webhook, client):
                    pass
        except (MostradorError, SQLAlchemyError) as error:
            log.warning("webhook_interrupted", webhook=webhook.id, detail=str(error))
        finally:
            del self._rounds[webhook.id]

    async def _deliver_page(self, webhook: Due, client: httpx.AsyncClient) -> bool:
        """Returns whether anything was due."""
        async with writing(self._database) as connection:
            page = await claim(connection, webhook.id, PAGE)
        if not page:
            return False
        errors = await self._errors(webhook, page, client)
        received = [delivery for delivery, error in zip(page, errors, strict=True) if error is None]
        failed = [_failure(delivery, error) for delivery, error in zip(page, errors, strict=True) if error is not None]
        async with writing(self._database) as connection:
            await settle(connection, webhook.id, received, failed)
        for failure in failed:
            if failure.pause is None:
                metrics.WEBHOOK_DEAD_LETTERS.inc()
                event = str(failure.delivery.event_id)
                log.warning("webhook_dead_letter", webhook=webhook.id, event_id=event, detail=failure.error)
        return True

    async def _errors(self, webhook: Due, page: Sequence[Delivery], client: httpx.AsyncClient) -> Sequence[str | None]:
        """Returns what went wrong with each delivery, None for those that were received."""
        try:
            secret = self._sealer.open(webhook.id, webhook.sealed or "")
        except WebhookKeyUnfit as unfit:
            return [unfit.message] * len(page)
        try:
            address = await address_of(httpx.URL(webhook.url), allow_private=self._allow_private)
        except AddressRefused as refused:
            return [str(refused)] * len(page)
        return await asyncio.gather(*(_deliver(webhook, secret, delivery, address, client) for delivery in page))


async def _deliver(
    webhook: Due, secret: str, delivery: Delivery, address: str, client: httpx.AsyncClient
) -> str | None:
    """Post what the webhook wants to know of an event, if anything; what went wrong, if anything."""
    try:
        told = only(json.decode(delivery.payload, type=Message), webhook.kinds)
    except DecodeError as odd:
        return f"this release cannot read it: {odd}"
    if told is None:
        return None
    body = json.encode(told)
    url = httpx.URL(webhook.url)
    headers = {
        "Host": url.netloc.decode("ascii"),
        "Content-Type": "application/json",
        "User-Agent": "Mostrador",
        **signed_headers(secret, str(delivery.event_id), int(time.time()), body),
    }
    # To the address that was judged; the certificate must be the name's all the same.
    there, named = url.copy_with(host=address), {"sni_hostname": host_of(url)}
    error = await _error(client.stream("POST", there, content=body, headers=headers, extensions=named))
    metrics.WEBHOOK_ATTEMPTS.labels("received" if error is None else "failed").inc()
    return error


def _believed() -> ssl.SSLContext | None:
    """Returns the authorities that receivers' certificates are judged by; None if they cannot be read now."""
    try:
        return httpx.create_ssl_context()
    except OSError as error:  # SSL_CERT_FILE names a file that is not there, or not one of certificates
        log.warning("webhooks_without_authorities", detail=str(error))
        return None


async def _error(post: AbstractAsyncContextManager[httpx.Response]) -> str | None:
    """Returns what went wrong, if anything. A receiver's words are not read, and a redirect is not followed."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), post as answer:
            return None if answer.is_success else f"answered {answer.status_code}"
    except TimeoutError:
        return f"no answer within {PATIENCE_SECONDS:.0f} s"
    except httpx.HTTPError as error:
        return str(error) or type(error).__name__


def _failure(delivery: Delivery, error: str) -> Failure:
    if delivery.attempts >= MAX_ATTEMPTS:
        return Failure(delivery, error, None)
    pause = min(FIRST_PAUSE * FACTOR ** (delivery.attempts - 1), LONGEST_PAUSE)
    return Failure(delivery, error, pause * random.uniform(0.8, 1.2))
