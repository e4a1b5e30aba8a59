"""The relay: publishes what was committed, at once and from memory, and never makes the ledger wait for it.

A message is published right after its commit; when JetStream has acknowledged it, its row is deleted in bulk. Whatever
goes wrong in between (a crash, NATS away, a full queue, a lost acknowledgement) leaves the row in the outbox, and a
sweep on every server publishes what has been there too long. So nothing here is the only copy of anything.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count, islice
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from msgspec import DecodeError, Struct, json
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import MaxPayloadError
from sqlalchemy.exc import SQLAlchemyError

from backend import metrics
from backend.database import Database
from backend.model.events import Outgoing

from . import outbox
from .connection import stay_connected
from .streams import changes_subject, declare_streams

log = structlog.get_logger(__name__)

MAX_QUEUE = 20_000
"""Messages waiting in memory to be published; more are left to the sweep."""
MAX_IN_FLIGHT = 2_000
"""Messages published and not yet acknowledged: JetStream refuses to buffer very many."""
ACK_SECONDS = 5.0
"""A message that was not acknowledged for so long is left to the sweep."""
SWEEP_SECONDS = 2.0
SWEEP_PAGE = 500
DELETE_SECONDS = 1.0
"""How often acknowledged rows are deleted, together: on SQLite each deletion keeps a batch of the ledger waiting."""
DELETE_PAGE = 1_000
TURN = 50
"""Messages published before the event loop, which is the ledger's too, gets its turn."""


_DATABASE_TROUBLE = (SQLAlchemyError, OSError)


class _Answer(Struct):
    """What matters of a JetStream acknowledgement."""

    error: Any = None


class _Queued(NamedTuple):
    message: Outgoing
    committed: float | None
    """When, on the monotonic clock; None when only the database knows, because the sweep found it."""


class _Sent(NamedTuple):
    id: UUID
    at: float
    committed: float | None


class Relay:
    """Publishes messages to JetStream and empties the outbox, from `start` to `close`.

    Counters: `published` messages that JetStream has acknowledged, `refused` ones that it did not take.
    """

    def __init__(self, database: Database, connect_options: Mapping[str, Any]) -> None:
        """`connect_options` are nats-py's (`servers`, `user`, `password` …)."""
        self.published = 0
        self.refused = 0
        self._database = database
        self._options = {"name": "mostrador relay", **connect_options}
        self._connected = asyncio.Event()
        self._queue: asyncio.Queue[_Queued] = asyncio.Queue(MAX_QUEUE)
        self._in_flight: dict[str, _Sent] = {}
        self._answered = asyncio.Event()
        self._acknowledged: dict[UUID, None] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def pending(self) -> int:
        """Messages in memory that JetStream has not acknowledged yet."""
        return self._queue.qsize() + len(self._in_flight)

    @property
    def connected(self) -> bool:
        """Whether messages are published now or wait in the outbox."""
        return self._connected.is_set()

    def publish(self, batch: Sequence[Outgoing]) -> None:
        """Take a batch that was just committed. Costs microseconds and cannot fail: the rows are in the outbox."""
        if self._connected.is_set():
            now = monotonic()
            with suppress(asyncio.QueueFull):
                for message in batch:
                    self._queue.put_nowait(_Queued(message, now))

    async def start(self) -> None:
        """Begin. NATS may be away."""
        work = {
            "relay": stay_connected(self._options, self._session),
            "relay-sweep": self._sweep(),
            "relay-delete": self._delete(),
        }
        self._tasks = [asyncio.create_task(task, name=name) for name, task in work.items()]

    async def close(self, deadline: float = 2.0) -> None:
        """Publish what is in memory and stop. What takes longer than `deadline` seconds stays in the outbox."""
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline):
                await self._queue.join()
                await self._until_fewer_in_flight_than(1)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline):
                await self._delete_acknowledged()

    async def _session(self, client: Client) -> None:
        """Publish over one connection until it is lost."""
        await declare_streams(client.jetstream())
        inbox = client.new_inbox()
        await client.subscribe(f"{inbox}.*", cb=self._on_answer)
        self._connected.set()
        metrics.NATS_CONNECTED.set(1)
        try:
            await self._publish_all(client, inbox)
        finally:
            self._connected.clear()
            metrics.NATS_CONNECTED.set(0)
            # What is forgotten here waits in the outbox.
            self._in_flight.clear()
            self._answered.set()
            while not self._queue.empty():
                self._queue.get_nowait()
                self._queue.task_done()

    async def _publish_all(self, client: Client, inbox: str) -> None:
        for number in count(1):
            message, committed = await self._queue.get()
            try:
                await self._until_fewer_in_flight_than(MAX_IN_FLIGHT)
                key = str(message.id)
                self._in_flight[key] = _Sent(message.id, monotonic(), committed)
                subject, reply = changes_subject(message.store_id), f"{inbox}.{key}"
                await client.publish(subject, message.payload, reply, {"Nats-Msg-Id": key})
            except MaxPayloadError:
                self._refuse(key, f"{len(message.payload)} bytes are more than this NATS takes; raise max_payload.")
            finally:
                self._queue.task_done()
            if number % TURN == 0:
                await asyncio.sleep(0)

    async def _on_answer(self, answer: Msg) -> None:
        key = answer.subject.rpartition(".")[2]
        try:
            error = json.decode(answer.data, type=_Answer).error
        except DecodeError:
            error = "No stream takes it."  # the server's empty answer when nobody listens
        if error is not None:
            self._refuse(key, error)
        elif sent := self._in_flight.pop(key, None):
            self.published += 1
            now = monotonic()
            metrics.PUBLISH_SECONDS.observe(now - sent.at)
            if sent.committed is not None:
                metrics.COMMIT_TO_PUBLISH_SECONDS.observe(now - sent.committed)
            self._acknowledged[sent.id] = None
            self._answered.set()

    def _refuse(self, key: str, why: object) -> None:
        if self._in_flight.pop(key, None):
            self.refused += 1
            metrics.PUBLISH_REFUSED.inc()
            self._answered.set()
            log.warning("message_refused", message_id=key, detail=why)

    async def _until_fewer_in_flight_than(self, limit: int) -> None:
        while len(self._in_flight) >= limit:
            self._answered.clear()
            await self._answered.wait()

    async def _sweep(self) -> None:
        while True:
            await self._connected.wait()
            self._forget_unanswered()
            try:
                await self._sweep_once()
            except _DATABASE_TROUBLE as error:
                log.warning("outbox_not_swept", detail=str(error))
            # Jittered, so that the servers of a fleet do not all find the same rows at the same moment.
            await asyncio.sleep(random.uniform(0.5, 1.5) * SWEEP_SECONDS)

    async def _sweep_once(self) -> None:
        after: UUID | None = None
        while self._connected.is_set():
            page = await outbox.read_leftovers(self._database, after=after, limit=SWEEP_PAGE)
            for message in page:
                if str(message.id) not in self._in_flight and message.id not in self._acknowledged:
                    await self._queue.put(_Queued(message, None))
            if len(page) < SWEEP_PAGE:
                return
            after = page[-1].id
            await self._queue.join()

    def _forget_unanswered(self) -> None:
        late = monotonic() - ACK_SECONDS
        for key in [key for key, sent in self._in_flight.items() if sent.at < late]:
            del self._in_flight[key]
            self._answered.set()

    async def _delete(self) -> None:
        while True:
            await asyncio.sleep(DELETE_SECONDS)
            await self._delete_acknowledged()

    async def _delete_acknowledged(self) -> None:
        while self._acknowledged:
            ids = list(islice(self._acknowledged, DELETE_PAGE))
            try:
                await outbox.delete(self._database, ids)
            except _DATABASE_TROUBLE as error:
                log.warning("outbox_not_emptied", detail=str(error), rows=len(self._acknowledged))
                return
            for one in ids:
                del self._acknowledged[one]
