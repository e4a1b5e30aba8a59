"""The events of a store since a position, for whoever cannot speak NATS: pages over HTTP and server-sent events.

A position is a place in JetStream's history. It is not taken from the database: rows commit in another order than any
sequence there hands out its numbers, so a cursor over one loses what commits late; JetStream numbers messages when it
has them. A history that was lost and began anew counts from 1 again, so a position also names the history's beginning.

Nothing is kept for a reader between two pages, neither here nor in NATS. Streams are fed by `backend.events.tail`.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from msgspec import Struct, json
from msgspec.structs import astuple
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import StreamInfo
from nats.js.errors import NotFoundError

from backend.model.errors import MostradorError
from backend.model.events import Message

from .connection import cancelled, stay_connected
from .streams import HISTORY
from .subjects import ALL, Kind, of_store

MAX_PAGE = 500
PATIENCE_SECONDS = 2.0
_NO_MORE = {"204", "404"}
"""How JetStream ends its answer: with the last message there is, or none at all."""
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


class Event(Message, frozen=True, omit_defaults=True, kw_only=True):
    """A message as the history has it: where it is there, and the kind of what it tells."""

    position: str
    kind: str


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
        """Stop; whoever reads is told EventsAway."""
        if self._task is not None:
            await cancelled(self._task)

    async def _session(self, client: Client) -> None:
        self._connection = client
        try:
            await asyncio.Event().wait()  # until the connection is lost
        finally:
            self._connection = None

    @property
    def connected(self) -> bool:
        """Whether there is a connection to read over."""
        return self._connection is not None

    @property
    def _client(self) -> Client:
        if self._connection is None:
            raise EventsAway
        return self._connection

    async def read(self, store_id: str, kind: Kind | None, after: str | None, limit: int) -> Page:
        """Returns at most `limit` events of a store after a position; without one, none and the position of now.

        Raises EventsAway, and PositionGone for a position that is not in the history.
        """
        client = self._client
        jetstream = client.jetstream(timeout=PATIENCE_SECONDS)
        try:
            history = await jetstream.stream_info(HISTORY)
            sequence = history.state.last_seq if after is None else _sequence(history, after)
            if after is not None and sequence < history.state.last_seq:
                found = await _messages(client, of_store(store_id, kind), sequence + 1, limit)
                if found:
                    events = [_event(history, message) for message in found]
                    return Page(events, events[-1].position)
            if history.state.messages:
                # Nothing of this store; or the history knows what it has, and cannot read it: its files are gone.
                await jetstream.get_last_msg(HISTORY, ALL)
        except (NatsError, TimeoutError) as error:
            raise EventsAway from error
        return Page([], after or _position(history, sequence))

    async def checked(self, position: str | None) -> str:
        """Returns this position if the history has it; without one, that of now. Raises EventsAway and PositionGone."""
        try:
            history = await self._client.jetstream(timeout=PATIENCE_SECONDS).stream_info(HISTORY)
        except (NatsError, TimeoutError) as error:
            raise EventsAway from error
        sequence = history.state.last_seq if position is None else _sequence(history, position)
        return _position(history, sequence)

    async def last_of(self, store_id: str) -> str | None:
        """Returns the position of the newest event of a store, as the history's leader has it. Raises EventsAway."""
        jetstream = self._client.jetstream(timeout=PATIENCE_SECONDS)
        try:
            history = await jetstream.stream_info(HISTORY)
            last = await jetstream.get_last_msg(HISTORY, of_store(store_id))
        except NotFoundError:
            return None
        except (NatsError, TimeoutError) as error:
            raise EventsAway from error
        assert last.seq is not None  # every message of a stream has it
        return _position(history, last.seq)

    @asynccontextmanager
    async def news(self, store_id: str) -> AsyncIterator["News"]:
        """Tells that something happens in a store, until the end of the block. Raises EventsAway."""
        client = self._client
        news = News(client)
        try:
            subscription = await client.subscribe(of_store(store_id), cb=news.came)
        except NatsError as error:
            raise EventsAway from error
        try:
            yield news
        finally:
            with suppress(NatsError):
                await subscription.unsubscribe()


class News:
    """That there is something to read, as plain NATS tells it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._something = asyncio.Event()

    async def came(self, _: Msg) -> None:
        """Something happened."""
        self._something.set()

    async def within(self, seconds: float) -> bool:
        """Returns whether something has happened since the last call, or does within so many seconds.

        Raises EventsAway.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._something.wait()
        if self._client.is_closed:
            raise EventsAway
        happened = self._something.is_set()
        self._something.clear()
        return happened


def is_position(text: str) -> bool:
    """Returns whether this looks like a position."""
    return _POSITION.fullmatch(text) is not None


def number_of(position: str) -> int:
    """Returns the place in the history that a position names: later events have greater ones."""
    return int(position.partition("-")[2])


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
    """Returns the history's messages on `subject` from the sequence number `first` on, in one request."""
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox)
    try:
        wanted = {"seq": first, "batch": limit, "next_by_subj": subject}
        await client.publish(f"$JS.API.DIRECT.GET.{HISTORY}", json.encode(wanted), reply=inbox)
        messages: list[Msg] = []
        while True:
            message = await subscription.next_msg(timeout=PATIENCE_SECONDS)
            if status := (message.headers or {}).get("Status"):
                if status not in _NO_MORE:
                    raise EventsAway
                return messages
            messages.append(message)
    finally:
        await subscription.unsubscribe()


def _event(history: StreamInfo, message: Msg) -> Event:
    headers = message.headers or {}
    kind = headers["Nats-Subject"].split(".")[2]
    position = _position(history, int(headers["Nats-Sequence"]))
    return Event(*astuple(json.decode(message.data, type=Message)), position=position, kind=kind)
