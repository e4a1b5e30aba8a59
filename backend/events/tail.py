"""The newest events of a store, read from the history once for all who follow them, and kept as bytes to send.

A server has one tail for each store that somebody follows. It is the only one that asks JetStream while everybody is up
to date: at most ten times a second, for what came meanwhile. A follower that begins further back reads pages of
the history by itself until it has reached what the tail keeps, and then goes on there. What the tail keeps is bounded,
so a follower that does not take it in time is told so, with Overtaken; the history still has it.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from msgspec import json

from backend.model.errors import MostradorError

from .connection import cancelled
from .feed import MAX_PAGE, Event, EventsAway, Feed, News, PositionGone, number_of
from .subjects import Kind

PULSE_SECONDS = 0.1
"""From one batch to the next: what happens in between is told together, so that 1,000 streams are not written to for
every single event."""
REST = 5
"""So many times as long as telling took is nothing told: it takes a sixth of a server's time at most."""
HEARTBEAT_SECONDS = 15.0
"""How long a follower is told nothing at most: proxies end connections that seem dead."""
KEPT_BYTES = 2 << 20
KEPT_BATCHES = 600
"""Of each store, for followers that are a little late."""
MAX_PAGES = 10
"""Read for one batch: more than a store has in a pulse."""
TURN = 50
"""Followers woken before the event loop, which is the ledger's too, gets its turn."""
CATCHING_UP = 4
"""Followers of a server that read the history at the same time: when a network failed, all come back at once."""
TICK_SECONDS = 1.0
"""How long the tail waits at most before it looks again, although nothing woke it."""
SETTLING_SECONDS = (0.002, 0.01, 0.05, 0.2)
"""News arrives before the history has it: the pauses before looking once more."""

STILL_HERE = b": still here\n\n"


class Overtaken(MostradorError):
    """A follower did not take the events as fast as they came."""

    code = "too_slow"
    retryable = True

    def __init__(self) -> None:
        super().__init__("This stream was not read as fast as events came; connect again, with the last id.")


class _Told(NamedTuple):
    """An event as it is sent."""

    number: int
    kind: str
    data: bytes


class _Batch:
    """What happened between two pulses. Without events it is a heartbeat."""

    def __init__(self, events: Sequence[_Told]) -> None:
        self.events = events
        self.last = events[-1].number if events else 0
        self._first = events[0].number if events else 0
        self._whole: dict[Kind | None, bytes] = {}

    @property
    def size(self) -> int:
        """Bytes of its events."""
        return sum(len(event.data) for event in self.events)

    def after(self, number: int, kind: Kind | None) -> bytes:
        """Returns the events of a kind after a number, joined once for all who want the same."""
        if not self.events:
            return STILL_HERE
        if number >= self._first:
            return _joined(self.events, number, kind)
        if kind not in self._whole:
            self._whole[kind] = _joined(self.events, number, kind)
        return self._whole[kind]


class Tails:
    """The tails of a server."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._tails: dict[str, _Tail] = {}
        self._turns = asyncio.Semaphore(CATCHING_UP)

    @asynccontextmanager
    async def following(self, store_id: str, kind: Kind | None, after: str) -> AsyncIterator["Follower"]:
        """Yields a follower of a store from a position on, until the end of the block.

        Raises EventsAway and PositionGone.
        """
        tail = self._tails.get(store_id)
        if tail is None or tail.ended:
            tail = self._tails[store_id] = _Tail(self._feed, store_id)
        tail.followers += 1
        try:
            await tail.begun()
            yield Follower(tail, self._feed, self._turns, kind, after)
        finally:
            tail.followers -= 1
            if not tail.followers:
                if self._tails.get(store_id) is tail:
                    del self._tails[store_id]
                await tail.close()


class Follower:
    """A place in a store's events, which `read` moves on."""

    def __init__(self, tail: "_Tail", feed: Feed, turns: asyncio.Semaphore, kind: Kind | None, after: str) -> None:
        self._tail, self._feed, self._turns, self._kind = tail, feed, turns, kind
        self._position = after
        self._number = number_of(after)
        self._next: int | None = None  # of the tail's batches; None while the follower reads the history
        self._caught_up()

    async def read(self) -> bytes:
        """Returns what is to be sent next, as server-sent events: it may be only a heartbeat.

        Raises Overtaken, EventsAway and PositionGone; and then there is nothing more.
        """
        while self._next is None:
            if data := await self._page():
                return data
        while True:
            while (batch := self._tail.batch(self._next)) is None:
                await self._tail.more()
            self._next += 1
            if data := batch.after(self._number, self._kind):
                return data

    async def _page(self) -> bytes:
        """Returns the next page of the history. All kinds are read: only so it is known when the tail is reached."""
        async with self._turns:
            page = await self._feed.read(self._tail.store_id, None, self._position, MAX_PAGE)
        self._position = page.next
        told = [_told(event) for event in page.events]
        data = _joined(told, self._number, self._kind)
        if told:
            self._number = told[-1].number
        elif not self._caught_up():
            await asyncio.sleep(SETTLING_SECONDS[-1])  # a replica of the history that is behind
        self._caught_up()
        return data

    def _caught_up(self) -> bool:
        """Returns whether the tail goes on where the follower is; then it is read from now on."""
        if self._next is None:
            self._next = self._tail.place_of(self._number)
        return self._next is not None


class _Tail:
    """Reads a store's events for its followers, from its making until `close` or until the history cannot be read."""

    def __init__(self, feed: Feed, store_id: str) -> None:
        self.store_id = store_id
        self.followers = 0
        self._feed = feed
        self._batches: deque[_Batch] = deque()
        self._dropped = 0  # batches that are not kept any more
        self._before = 0  # the number of the last event before the batches that are kept
        self._size = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._begun = asyncio.Event()
        self._end: type[EventsAway] | type[PositionGone] | None = None
        self._task = asyncio.create_task(self._run(), name=f"tail-{store_id}")

    @property
    def ended(self) -> bool:
        """Whether the history could not be read any more."""
        return self._end is not None

    async def begun(self) -> None:
        """Return once the tail knows where it begins. Raises EventsAway and PositionGone."""
        await self._begun.wait()
        if self._end is not None:
            raise self._end

    async def close(self) -> None:
        """Stop reading."""
        await cancelled(self._task)

    def place_of(self, number: int) -> int | None:
        """Returns the batch that has what follows the event of this number; None when the tail does not reach back to
        it."""
        if number < self._before:
            return None
        late = (index for index, batch in enumerate(self._batches) if batch.last > number)
        return self._dropped + next(late, len(self._batches))

    def batch(self, place: int) -> _Batch | None:
        """Returns a batch; None when there is none yet.

        Raises Overtaken when there is none any more, or the tail's own end.
        """
        if place < self._dropped:
            raise Overtaken
        index = place - self._dropped
        if index < len(self._batches):
            return self._batches[index]
        if self._end is not None:
            raise self._end
        return None

    async def more(self) -> None:
        """Wait for the next batch, or for the end."""
        if not self.ended:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting

    async def _run(self) -> None:
        end: type[EventsAway] | type[PositionGone] = EventsAway
        try:
            async with self._feed.news(self.store_id) as news:
                await self._read(await self._begin(), news)
        except EventsAway:
            pass
        except PositionGone:
            end = PositionGone
        finally:
            self._end = end
            self._begun.set()
            for waiting in self._waiting:
                _wake(waiting)

    async def _begin(self) -> str:
        """Returns the position to read from; followers that have seen the last event before it need not read the
        history."""
        position = (await self._feed.read(self.store_id, None, None, 1)).next
        last = await self._feed.last_of(self.store_id)
        if last is not None:
            position, self._before = last, number_of(last)
        self._begun.set()
        return position

    async def _read(self, position: str, news: News) -> None:
        clock = asyncio.get_running_loop().time
        pulse, heartbeat = clock() + PULSE_SECONDS, clock()
        settling = iter(SETTLING_SECONDS)
        while True:
            await asyncio.sleep(pulse - clock())
            events = await self._since(position)
            if events:
                position, began = events[-1].position, clock()
                await self._tell(_Batch([_told(event) for event in events]))
                pulse = clock() + max(PULSE_SECONDS, REST * (clock() - began))
                continue
            if clock() - heartbeat >= HEARTBEAT_SECONDS:
                heartbeat = clock()
                await self._tell(_Batch([]))
            if await news.within(next(settling, TICK_SECONDS)):
                settling = iter(SETTLING_SECONDS)

    async def _since(self, position: str) -> list[Event]:
        """Returns the events after a position, from as many pages as they fill, within reason."""
        events: list[Event] = []
        for _ in range(MAX_PAGES):
            page = await self._feed.read(self.store_id, None, position, MAX_PAGE)
            events += page.events
            if len(page.events) < MAX_PAGE:
                break
            position = page.next
        return events

    async def _tell(self, batch: _Batch) -> None:
        self._batches.append(batch)
        self._size += batch.size
        while len(self._batches) > 1 and (self._size > KEPT_BYTES or len(self._batches) > KEPT_BATCHES):
            oldest = self._batches.popleft()
            self._size -= oldest.size
            self._dropped += 1
            self._before = max(self._before, oldest.last)
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), TURN):
            for one in waiting[start : start + TURN]:
                _wake(one)
            await asyncio.sleep(0)


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _told(event: Event) -> _Told:
    data = f"id: {event.position}\nevent: {event.kind}\ndata: ".encode() + json.encode(event) + b"\n\n"
    return _Told(number_of(event.position), event.kind, data)


def _joined(events: Sequence[_Told], after: int, kind: Kind | None) -> bytes:
    return b"".join([x.data for x in events if x.number > after and kind in (None, x.kind)])
