"""The relay: publishes what was committed, at once and from memory, and never makes the ledger wait for it.

The changes of a batch in a store go out right after its commit, in several parts of which only the last is
acknowledged: they travel in order on one connection, and an acknowledgement of each would cost six times as much. Then
the row of the outbox is deleted, in bulk. Whatever goes wrong in between (a crash, NATS away, a full queue, a lost
acknowledgement) leaves the row in the outbox, and a sweep on every server publishes what has been there too long. So
nothing here is the only copy of anything.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import groupby
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import structlog
from msgspec import DecodeError, Struct, json
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import MaxPayloadError
from nats.js import JetStreamContext
from sqlalchemy.exc import SQLAlchemyError

from backend.alerts import queries as alerts
from backend.background.periodic import Periodic
from backend.database.engine import Database
from backend.ids import new_id
from backend.model.events import Message, Outgoing
from backend.model.stock import Key, StockRow
from backend.observability import metrics
from backend.observability import traces as tracing

from . import outbox, subjects
from .connection import cancelled, stay_connected
from .newest import newer_rows
from .streams import declare_streams

if TYPE_CHECKING:
    from opentelemetry.trace import Span, SpanContext

log = structlog.get_logger(__name__)

MAX_QUEUE = 20_000
"""Messages waiting in memory to be published; more are left to the sweep."""
MAX_IN_FLIGHT = 2_000
"""Parts published and not yet acknowledged: JetStream refuses to buffer very many."""
ACK_SECONDS = 5.0
"""A message that was not acknowledged for so long is left to the sweep."""
SWEEP_SECONDS = 2.0
SWEEP_PAGE = 500
FINISH_SECONDS = 1.0
"""How often acknowledged rows are deleted, together: on SQLite each deletion keeps a batch of the ledger waiting."""
FINISH_PAGE = 1_000
OVERTAKE_SECONDS = 0.2
"""How long a newer row than the one told may take to be told by this server, in its ordinary way."""
TURN = 50
"""Parts published before the event loop, which is the ledger's too, gets its turn."""


_DATABASE_TROUBLE = (SQLAlchemyError, OSError)


_IN_PROCESS = 10158
"""A cluster's word for a message whose twin, with the same id, is not stored on enough members yet."""


class _Answer(Struct):
    """What matters of a JetStream acknowledgement."""

    error: Any = None


class _Queued(NamedTuple):
    message: Outgoing
    committed: float | None
    """When, on the monotonic clock; None when only the database knows, because the sweep found it."""
    cause: "SpanContext | None" = None
    """The span of its batch."""


class _Sent(NamedTuple):
    outgoing: Outgoing
    parts: int
    at: float
    committed: float | None
    span: "Span | None"


class Relay:
    """Publishes messages to JetStream and empties the outbox, from `start` to `close`.

    Counters: `published` messages that JetStream has acknowledged, `refused` ones that it did not take.
    """

    def __init__(
        self,
        database: Database,
        connect_options: Mapping[str, Any],
        declare: Callable[[JetStreamContext], Awaitable[None]] = declare_streams,
    ) -> None:
        """`connect_options` are nats-py's (`servers`, `user`, `password` …); `declare` brings about the streams."""
        self.published = 0
        self.refused = 0
        self._sent = 0
        self._database = database
        self._options = {"name": "mostrador relay", **connect_options}
        self._declare = declare
        self._connected = asyncio.Event()
        self._queue: asyncio.Queue[_Queued] = asyncio.Queue(MAX_QUEUE)
        self._in_flight: dict[str, _Sent] = {}
        self._parts_in_flight = 0
        self._answered = asyncio.Event()
        self._acknowledged: dict[UUID, None] = {}
        self._told: dict[Key, int] = {}  # the newest acknowledged version of each row, until it is looked at again
        self._tasks: list[asyncio.Task[None]] = []
        self._finishing = Periodic("relay-finish", self._finish_turn)

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
            now, cause = monotonic(), tracing.current()
            with suppress(asyncio.QueueFull):
                for message in batch:
                    self._queue.put_nowait(_Queued(message, now, cause))

    async def start(self) -> None:
        """Begin. NATS may be away."""
        work = {
            "relay": stay_connected(self._options, self._session),
            "relay-sweep": self._sweep(),
        }
        self._tasks = [asyncio.create_task(task, name=name) for name, task in work.items()]
        await self._finishing.start(FINISH_SECONDS)

    async def close(self, deadline: float = 2.0) -> None:
        """Publish what is in memory and stop. What takes longer than `deadline` seconds stays in the outbox."""
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline):
                await self._flush()
        await self._finishing.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline):
                await self._finish()
                await self._flush()
        await cancelled(*self._tasks)

    async def _flush(self) -> None:
        await self._queue.join()
        await self._until_fewer_in_flight_than(1)

    async def _session(self, client: Client) -> None:
        """Publish over one connection until it is lost."""
        await self._declare(client.jetstream())
        inbox = client.new_inbox()
        await client.subscribe(f"{inbox}.*", cb=self._on_answer)
        self._connected.set()
        metrics.NATS_CONNECTED.set(1)
        try:
            while True:
                await self._publish_next(client, inbox)
        finally:
            self._connected.clear()
            metrics.NATS_CONNECTED.set(0)
            # What is forgotten here waits in the outbox.
            for key in list(self._in_flight):
                self._answer(key)
            while not self._queue.empty():
                self._queue.get_nowait()
                self._queue.task_done()

    async def _publish_next(self, client: Client, inbox: str) -> None:
        outgoing, committed, cause = await self._queue.get()
        try:
            await self._until_fewer_in_flight_than(MAX_IN_FLIGHT)
            key = str(outgoing.id)
            if key in self._in_flight or outgoing.id in self._acknowledged:
                return  # the sweep found it while it waited here; its parts would be counted twice and taken off once
            parts = list(subjects.parts(outgoing.message))
            span, headers = tracing.message(cause, f"inventory.{outgoing.store_id}")
            self._in_flight[key] = _Sent(outgoing, len(parts), monotonic(), committed, span)
            self._parts_in_flight += len(parts)
            for number, (subject, part) in enumerate(parts, 1):
                if number < len(parts):
                    await client.publish(subject, json.encode(part), headers=headers or None)
                else:
                    last = {"Nats-Msg-Id": key, **headers}
                    await client.publish(subject, json.encode(part), f"{inbox}.{key}", last)
                self._sent += 1
                if self._sent % TURN == 0:
                    await asyncio.sleep(0)
        except MaxPayloadError:
            self._refuse(key, f"{len(outgoing.payload)} bytes are more than this NATS takes; raise max_payload.")
        finally:
            self._queue.task_done()

    async def _on_answer(self, answer: Msg) -> None:
        key = answer.subject.rpartition(".")[2]
        try:
            error = json.decode(answer.data, type=_Answer).error
        except DecodeError:
            error = "No stream takes it."  # the server's empty answer when nobody listens
        if isinstance(error, dict) and error.get("err_code") == _IN_PROCESS:
            self._answer(key)  # another server's sweep sends the same at this moment, and will delete the row
        elif error is not None:
            self._refuse(key, error)
        elif sent := self._answer(key):
            self.published += 1
            tracing.ended(sent.span)
            now = monotonic()
            metrics.PUBLISH_SECONDS.observe(now - sent.at)
            if sent.committed is not None:
                metrics.COMMIT_TO_PUBLISH_SECONDS.observe(now - sent.committed)
            self._acknowledged[sent.outgoing.id] = None
            for row in sent.outgoing.message.stock:
                row_key = row.store_id, row.product_id
                self._told[row_key] = max(row.version, self._told.get(row_key, 0))

    def _refuse(self, key: str, why: object) -> None:
        if sent := self._answer(key):
            self.refused += 1
            tracing.ended(sent.span, str(why))
            metrics.PUBLISH_REFUSED.inc()
            log.warning("message_refused", message_id=key, detail=why)

    def _answer(self, key: str) -> _Sent | None:
        """Tells that this message is in flight no more."""
        sent = self._in_flight.pop(key, None)
        if sent is not None:
            self._parts_in_flight -= sent.parts
            self._answered.set()
        return sent

    async def _until_fewer_in_flight_than(self, limit: int) -> None:
        while self._parts_in_flight >= limit:
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
            for message in page.messages:
                if str(message.id) not in self._in_flight and message.id not in self._acknowledged:
                    await self._queue.put(_Queued(message, None))
            after = page.next
            if after is None:
                return
            await self._queue.join()

    def _forget_unanswered(self) -> None:
        late = monotonic() - ACK_SECONDS
        for key in [key for key, sent in self._in_flight.items() if sent.at < late]:
            self._answer(key)

    async def _finish_turn(self) -> float:
        await self._finish()
        return FINISH_SECONDS

    async def _finish(self) -> None:
        """Make sure that the newest was told of what is acknowledged, and whoever runs out; then delete its rows."""
        done, told = list(self._acknowledged), self._told
        self._told = {}
        try:
            await self._tell_newer(told)
            self.publish(await alerts.look(self._database, told.keys()))
            for start in range(0, len(done), FINISH_PAGE):
                page = done[start : start + FINISH_PAGE]
                await outbox.delete(self._database, page)
                for one in page:
                    self._acknowledged.pop(one, None)
        except _DATABASE_TROUBLE as error:
            log.warning("outbox_not_emptied", detail=str(error), rows=len(self._acknowledged))
            self._told = told | self._told

    async def _tell_newer(self, told: Mapping[Key, int]) -> None:
        """Tell of rows that are newer than what was told, unless this server has done so meanwhile."""
        newer = await newer_rows(self._database, told)
        if newer:
            await asyncio.sleep(OVERTAKE_SECONDS)
        missed = [row for row in newer if self._told.get((row.store_id, row.product_id), 0) < row.version]
        for store_id, rows in groupby(sorted(missed, key=_store), key=_store):
            message = Message(store_id, datetime.now(UTC), stock=tuple(rows))
            if self._connected.is_set():
                await self._queue.put(_Queued(Outgoing(new_id(), message, json.encode(message)), None))


def _store(row: StockRow) -> str:
    return row.store_id
