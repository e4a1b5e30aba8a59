"""The ledger: the only writer of stock. Group commit with optimistic locks.

Commands wait in one bounded queue per lane. A lane's writer takes all that wait and settles them as one batch in one
transaction; the next batch gathers while this one commits. So many callers on one hot product cost one row update and
one flush a batch, a lone caller waits for nobody, and an answer is given only after its commit.

Lanes split the stores (never a store) so that one batch is prepared while another one commits. Correctness does not
rest on them: every row is written under its version, whoever else writes. A transfer is settled in the lane of the
store that gives; on the row that receives it may meet the other lane as it may meet another server.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from time import monotonic, perf_counter
from typing import Protocol
from uuid import UUID
from zlib import crc32

import structlog

from backend.database.engine import Database
from backend.database.errors import DatabaseAway
from backend.database.state import DatabaseState
from backend.model.answers import Answer, Code, Refusal
from backend.model.books import Request
from backend.model.errors import MostradorError
from backend.model.events import Outgoing
from backend.model.verbs import VERBS
from backend.observability import metrics
from backend.observability import traces as tracing
from backend.observability.sparing import Sparing

from .asking import NeedsOneByOne, Procedure, Settled, Ticket
from .errors import Conflict, DatabaseLost, Undone
from .postgres import PostgresLedgerStore
from .settle import fingerprint, settle
from .sqlite import SqliteLedgerStore

log = structlog.get_logger(__name__)
_lines = Sparing()

MAX_BATCH = 1024
"""Commands in one transaction. Larger batches gain nothing measurable and make the last caller wait longer."""
MAX_WAITING = 50_000
"""Commands that may wait on one server; beyond it callers are told to come back."""
MAX_CONFLICTS = 20
"""Times a batch is decided again before its callers are told to come back; under row locks two are already rare."""
CONTESTED_SECONDS = 1.0
"""How long a lane goes on with row locks after a conflict: cheaper than losing the same race again and again."""
POSTGRES_LANES = 2
"""One prepares its batch in Python while the other waits for the database."""
PATIENCE_SECONDS = 10.0
"""How long a batch waits for a database that went away."""


class LedgerFull(MostradorError):
    """Too many commands wait."""

    code = "busy"
    retryable = True


class LedgerClosed(MostradorError):
    """The server is stopping."""

    code = "shutting_down"
    retryable = True


class LedgerStore(Protocol):
    """The rows, on one of the databases. See `ledger.postgres` for what `run` raises."""

    async def run(self, procedure: Procedure, *, locked: bool) -> Settled:
        """Drive `procedure` and commit what it settles."""

    async def close(self) -> None:
        """Let go of the connection."""


def open_ledger(database: Database, after_commit: Callable[[Sequence[Outgoing]], None]) -> "Ledger":
    """Returns the ledger of `database`, not started yet. See `Ledger` for `after_commit`."""
    if database.dialect == "sqlite":
        return Ledger([SqliteLedgerStore(database.url)], after_commit, database.state)
    return Ledger([PostgresLedgerStore(database.url) for _ in range(POSTGRES_LANES)], after_commit, database.state)


class _Call:
    """One caller and the answers it still waits for."""

    __slots__ = ("answers", "at", "cause", "future", "left")

    def __init__(self, size: int) -> None:
        self.at = perf_counter()
        self.cause = tracing.current()
        self.answers: list[Answer | None] = [None] * size
        self.left = size
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def answer(self, index: int, answer: Answer) -> None:
        self.answers[index] = answer
        self.left -= 1
        if self.left == 0 and not self.future.done():
            self.future.set_result(None)

    def fail(self, error: MostradorError) -> None:
        if not self.future.done():
            self.future.set_exception(error)


_Waiting = tuple[Ticket, _Call, int]


class Ledger:
    """Takes commands from any number of callers on one event loop and answers each after its commit."""

    def __init__(
        self,
        stores: Sequence[LedgerStore],
        after_commit: Callable[[Sequence[Outgoing]], None],
        state: DatabaseState | None = None,
    ) -> None:
        """One lane per store in `stores`. `after_commit` is called with each batch's messages and must not block.

        `state` is told when the disk is full or the database damaged.
        """
        state = state or DatabaseState()
        self._lanes = [_Lane(store, after_commit, state) for store in stores]
        self._open = False

    async def start(self) -> None:
        """Start the writers."""
        self._open = True
        for lane in self._lanes:
            lane.start()

    async def close(self) -> None:
        """Refuse new commands, settle all that were accepted, and stop."""
        self._open = False
        await asyncio.gather(*(lane.close() for lane in self._lanes))

    @property
    def waiting(self) -> int:
        """Commands accepted and not yet taken into a batch."""
        return sum(len(lane.queue) for lane in self._lanes)

    async def submit(self, request: Request) -> Answer:
        """Returns the answer to `request`, once it is durable.

        Raises `LedgerFull`, `LedgerClosed`, `DatabaseAway` or `DiskFull`, which may be retried with the same command
        id, or `DatabaseDamaged`.
        """
        return (await self.submit_many([request]))[0]

    async def submit_many(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns the answers to `requests`, in their order; each of them succeeds or is refused for itself.

        Raises like `submit`; then some of the commands may have taken effect, and the same ids may be sent again.
        """
        if not self._open:
            raise _closed()
        if self.waiting + len(requests) > MAX_WAITING:
            raise LedgerFull("Too many commands are waiting; send it again in a second.", waiting=self.waiting)
        if not requests:
            return []
        call = _Call(len(requests))
        # Commands of one caller are settled in order. A verb that spans stores ties them together: all go in one lane.
        together = next((x.command.store_id for x in requests if VERBS[type(x.command)].spans_stores), "")
        for index, request in enumerate(requests):
            self._lane_of(request, together).add((Ticket(request, fingerprint(request)), call, index))
        await call.future
        return [answer for answer in call.answers if answer is not None]

    def _lane_of(self, request: Request, together: str) -> "_Lane":
        # An id that is under way stays in its lane, whatever store it names now: two lanes would both find it new.
        command_id = request.command.id
        for lane in self._lanes:
            if command_id in lane.under_way:
                return lane
        store_id = together or request.command.store_id
        return self._lanes[crc32(store_id.encode()) % len(self._lanes)]


class _Lane:
    """One queue and its writer."""

    def __init__(
        self, store: LedgerStore, after_commit: Callable[[Sequence[Outgoing]], None], state: DatabaseState
    ) -> None:
        self._state = state
        self.queue: deque[_Waiting] = deque()
        self.under_way: set[UUID] = set()
        """The ids of commands that are not settled yet."""
        self._store = store
        self._after_commit = after_commit
        self._work = asyncio.Event()
        self._closing = False
        self._contested_until = 0.0
        self._writer: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._writer = asyncio.create_task(self._write(), name="ledger-writer")

    def add(self, waiting: _Waiting) -> None:
        if self._closing:
            raise _closed()
        self.queue.append(waiting)
        self.under_way.add(waiting[0].request.command.id)
        self._work.set()

    async def close(self) -> None:
        self._closing = True
        self._work.set()
        if self._writer is not None:
            await self._writer
            self._writer = None
            await self._store.close()

    async def _write(self) -> None:
        batch: list[_Waiting] = []
        try:
            while True:
                await self._work.wait()
                batch = [self.queue.popleft() for _ in range(min(len(self.queue), MAX_BATCH))]
                if batch:
                    with tracing.batch((call.cause for _, call, _ in batch), len(batch)):
                        await self._settle(batch)
                    self.under_way.difference_update([ticket.request.command.id for ticket, _, _ in batch])
                elif self._closing:
                    return
                else:
                    self._work.clear()
        finally:
            # Also when the writer itself fails, which is a bug: nobody waits for ever for an answer.
            self._closing = True
            for _, call, _ in (*batch, *self.queue):
                call.fail(_closed())

    async def _settle(self, batch: list[_Waiting]) -> None:
        """Answer everybody in `batch`, whatever happens."""
        begun = perf_counter()
        try:
            settled = await self._run(batch)
        except NeedsOneByOne:
            for one in batch:
                await self._settle([one])
        except (Undone, LedgerFull) as error:
            if len(batch) > 1:
                # One command is to blame and must not harm the others: each is settled alone.
                for one in batch:
                    await self._settle([one])
                return
            (ticket, call, index) = batch[0]
            if isinstance(error, LedgerFull):
                call.fail(error)
                return
            undone = error
            log.error("command_not_recorded", command_id=str(ticket.request.command.id), detail=str(undone))
            call.answer(index, Answer(ticket.request.command.id, _not_recorded(undone)))
        except MostradorError as error:
            self._state.note(error)
            for _, call, _ in batch:
                call.fail(error)
        else:
            self._after_commit(settled.outgoing)
            _count(settled, batch[0][1].at, begun)
            for (_, call, index), answer in zip(batch, settled.answers, strict=True):
                call.answer(index, answer)

    async def _run(self, batch: list[_Waiting]) -> Settled:
        tickets = [ticket for ticket, _, _ in batch]
        lost_since: float | None = None
        conflicts = 0
        while True:
            try:
                locked = conflicts > 0 or monotonic() < self._contested_until
                return await self._store.run(settle(tickets), locked=locked)
            except Conflict as conflict:
                conflicts += 1
                metrics.LEDGER_CONFLICTS.inc()
                self._contested_until = monotonic() + CONTESTED_SECONDS
                log.debug("batch_conflict", size=len(tickets), conflicts=conflicts, why=str(conflict))
                if conflicts >= MAX_CONFLICTS:
                    raise LedgerFull("This product is changed by too many at once; send it again.") from conflict
                await asyncio.sleep(random.uniform(0, 0.001 * conflicts) if conflicts > 1 else 0)
            except DatabaseLost as lost:
                lost_since = lost_since or monotonic()
                metrics.DATABASE_LOST.inc()
                if monotonic() - lost_since > PATIENCE_SECONDS or self._closing:
                    raise DatabaseAway("The database cannot be reached; send the command again.") from lost
                if (more := _lines.line("database_lost")) is not None:
                    log.warning("database_lost", detail=str(lost), **more)
                await asyncio.sleep(random.uniform(0.05, 0.2))


def _count(settled: Settled, waiting_since: float, begun: float) -> None:
    metrics.LEDGER_COMMANDS.inc(len(settled.answers))
    metrics.LEDGER_BATCH_COMMANDS.observe(len(settled.answers))
    metrics.LEDGER_BATCH_SECONDS.observe(perf_counter() - begun)
    metrics.LEDGER_WAIT_SECONDS.observe(begun - waiting_since)
    for code, times in Counter(x.refusal.code for x in settled.answers if x.refusal is not None).items():
        metrics.LEDGER_REFUSALS.labels(code).inc(times)


def _closed() -> LedgerClosed:
    return LedgerClosed("This server is stopping; send the command again.")


def _not_recorded(undone: Undone) -> Refusal:
    if undone.receipt_taken:
        message = "This receipt number is on another sale already; take the next number of the terminal's series."
        return Refusal(Code.RECEIPT_TAKEN, message, field="receipt_number")
    return Refusal(Code.NOT_RECORDED, "The database refused this command; nothing was changed. Call the operator.")
