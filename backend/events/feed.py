"""The events of a store since a position, for whoever cannot speak NATS: pages over HTTP and server-sent events.

A position is a place in JetStream's history. It is not taken from the database: rows commit in another order than any
sequence there hands out its numbers, so a cursor over one loses what commits late; JetStream numbers messages when it
has them. A history that was lost and began anew counts from 1 again, so a position also names the history's beginning.

Nothing is kept for a reader between two pages, neither here nor in NATS. One that is slow reads later.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from msgspec import Struct, json
from msgspec.structs import astuple
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import StreamInfo

from backend.model.alerts import Alert
from backend.model.answers import SaleRecord
from backend.model.documents import Document
from backend.model.errors import MostradorError
from backend.model.events import Message
from backend.model.reservations import Reservation
from backend.model.stock import Movement, StockRow

from .connection import stay_connected
from .streams import HISTORY
from .subjects import Kind, of_store

MAX_PAGE = 500
PATIENCE_SECONDS = 2.0
TICK_SECONDS = 1.0
"""How long a follower waits at most before it looks again, although nothing woke it."""
SETTLING_SECONDS = (0.002, 0.01, 0.05, 0.2)
"""News arrives before the history has it: the pauses before looking once more."""
_POSITION = re.compile(r"([0-9a-f]{1,16})-([0-9]{1,19})")


class EventsAway(MostradorError):
    """There is no NATS to read events from, or it does not answer."""

    code = "events_away"
    retryable = True

    def __init__(self) -> None:
        super().__init__("Events cannot be read now; ask again in a moment, or read the state over HTTP.")


class PositionGone(MostradorError):
    """The history no longer has, or never had, what follows a position."""

    code = "position_gone"

    def __init__(self) -> None:
        message = "The history does not go back to this position; read the state once more, and go on from `next`."
        super().__init__(message)


class Event(Struct, frozen=True, omit_defaults=True):
    """One message of the history: whole new states with their versions, of one kind."""

    position: str
    kind: str
    store_id: str
    at: datetime
    stock: tuple[StockRow, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    sales: tuple[SaleRecord, ...] = ()
    transfers: tuple[Movement, ...] = ()
    counts: tuple[Movement, ...] = ()
    alerts: tuple[Alert, ...] = ()
    movements: tuple[Movement, ...] = ()
    documents: tuple[Document, ...] = ()


class Page(Struct, frozen=True):
    """Events in their order, and the position after the last of them."""

    events: list[Event]
    next: str


class Feed:
    """Reads the history, from `start` to `close`. Without `connect_options` there is none, and readers are told so."""

    def __init__(self, connect_options: Mapping[str, Any] | None) -> None:
        """`connect_options` are nats-py's (`servers`, `user`, `password` …)."""
        self._options = connect_options
        self._connection: Client | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin. NATS may be away."""
        if self._options is not None:
            options = {"name": "mostrador feed", **self._options}
            self._task = asyncio.create_task(stay_connected(options, self._session), name="feed")

    async def close(self) -> None:
        """Stop; followers end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _session(self, client: Client) -> None:
        self._connection = client
        try:
            await asyncio.Event().wait()  # until the connection is lost
        finally:
            self._connection = None

    @property
    def _client(self) -> Client:
        if self._connection is None:
            raise EventsAway
        return self._connection

    async def read(self, store_id: str, kind: Kind | None, after: str | None, limit: int) -> Page:
        """At most `limit` events of a store after a position; without one, none and the position of now.

        Raises EventsAway, and PositionGone for a position that is not in the history.
        """
        client = self._client
        try:
            history = await client.jetstream(timeout=PATIENCE_SECONDS).stream_info(HISTORY)
            if after is None:
                return Page([], _position(history, history.state.last_seq))
            sequence = _sequence(history, after)
            events = [
                _event(history, message)
                for message in await _messages(client, of_store(store_id, kind), sequence + 1, limit)
            ]
        except (NatsError, TimeoutError) as error:
            raise EventsAway from error
        return Page(events, events[-1].position if events else after)

    async def follow(self, store_id: str, kind: Kind | None, after: str) -> AsyncIterator[Page]:
        """Pages of events after a position as they come, and an empty one now and then. Ends when NATS is lost.

        Raises EventsAway and PositionGone.
        """
        client, news = self._client, asyncio.Event()

        async def wake(_: Msg) -> None:
            news.set()

        try:
            subscription = await client.subscribe(of_store(store_id, kind), cb=wake)
        except NatsError as error:
            raise EventsAway from error
        try:
            settling = iter(SETTLING_SECONDS)
            while not client.is_closed:
                page = await self.read(store_id, kind, after, MAX_PAGE)
                yield page
                after = page.next
                if page.events:
                    continue
                with suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), next(settling, TICK_SECONDS))
                    news.clear()
                    settling = iter(SETTLING_SECONDS)
        finally:
            with suppress(NatsError):
                await subscription.unsubscribe()


def is_position(text: str) -> bool:
    """Whether this looks like a position."""
    return _POSITION.fullmatch(text) is not None


def _position(history: StreamInfo, sequence: int) -> str:
    return f"{_beginning(history)}-{sequence}"


def _beginning(history: StreamInfo) -> str:
    assert history.created is not None  # every answer has it
    return f"{int(history.created.timestamp() * 1000):x}"


def _sequence(history: StreamInfo, position: str) -> int:
    match = _POSITION.fullmatch(position)
    if match is None or match[1] != _beginning(history):
        raise PositionGone
    sequence = int(match[2])
    if not history.state.first_seq - 1 <= sequence <= history.state.last_seq:
        raise PositionGone
    return sequence


async def _messages(client: Client, subject: str, first: int, limit: int) -> list[Msg]:
    """The history's messages on `subject` from the sequence number `first` on, in one request."""
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox)
    try:
        wanted = {"seq": first, "batch": limit, "next_by_subj": subject}
        await client.publish(f"$JS.API.DIRECT.GET.{HISTORY}", json.encode(wanted), reply=inbox)
        messages: list[Msg] = []
        while True:
            message = await subscription.next_msg(timeout=PATIENCE_SECONDS)
            if "Status" in (message.headers or {}):  # no more of them
                return messages
            messages.append(message)
    finally:
        await subscription.unsubscribe()


def _event(history: StreamInfo, message: Msg) -> Event:
    headers = message.headers or {}
    kind = headers["Nats-Subject"].split(".")[2]
    position = _position(history, int(headers["Nats-Sequence"]))
    # The fields of an event are the two above and those of a message, in their order.
    return Event(position, kind, *astuple(json.decode(message.data, type=Message)))
