"""The history as it is read, when it is not whole, and by followers of one tail."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import nats
import pytest
from msgspec import json
from nats.js import JetStreamContext

from backend.events import tail
from backend.events.feed import EventsAway, Feed, Page
from backend.events.streams import declare_streams
from backend.events.subjects import Kind
from backend.events.tail import Overtaken, Tails
from backend.model.events import Message
from tests.eventually import eventually
from tests.servers import NatsServer

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
async def server(start_nats: Callable[[], NatsServer]) -> NatsServer:
    """A nats-server with the streams, and one event of the store S1."""
    server = start_nats()
    async with await nats.connect(server.url) as client:
        await declare_streams(client.jetstream())
        await publish(client.jetstream())
    return server


@pytest.fixture
async def feed(server: NatsServer) -> AsyncIterator[Feed]:
    feed = Feed({"servers": server.url})
    await feed.start()
    await eventually(lambda: feed.connected)
    yield feed
    await feed.close()


async def publish(jetstream: JetStreamContext, kind: str = "sale") -> None:
    await jetstream.publish(f"inventory.S1.{kind}.batch", json.encode(Message("S1", NOW)))


@pytest.mark.slow
async def test_files_of_the_history_that_are_gone_are_no_empty_page(server: NatsServer, feed: Feed) -> None:
    beginning = (await feed.checked(None)).partition("-")[0]
    for part in server.directory.rglob("*.blk"):
        os.truncate(part, 0)

    # nats-server forgets what it has in memory ten seconds after it was read last, and shows nobody when it has.
    await asyncio.sleep(15)

    with pytest.raises(EventsAway):
        await feed.read("S1", None, f"{beginning}-0", 10)


async def test_a_follower_that_is_too_slow_is_told_so(
    server: NatsServer, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "KEPT_BATCHES", 1)
    monkeypatch.setattr(tail, "PULSE_SECONDS", 0)
    tails = Tails(feed)
    begin = await feed.checked(None)
    async with (
        await nats.connect(server.url) as client,
        tails.following("S1", None, begin) as slow,
        tails.following("S1", None, begin) as quick,
    ):
        for _ in range(3):
            await publish(client.jetstream())
            await quick.read()

        with pytest.raises(Overtaken):
            await slow.read()


async def test_a_follower_of_one_kind_hears_of_that_kind(server: NatsServer, feed: Feed) -> None:
    tails = Tails(feed)
    begin = await feed.checked(None)
    async with await nats.connect(server.url) as client, tails.following("S1", Kind.COUNT, begin) as follower:
        for kind in ("sale", "count"):
            await publish(client.jetstream(), kind)

        assert b"event: count\n" in await follower.read()


class Deaf(Feed):
    """Loses the first cancellation, as asyncio.wait_for does when its result comes at the same moment."""

    def __init__(self, url: str) -> None:
        super().__init__({"servers": url})
        self.reading = asyncio.Event()
        self.lost = False

    async def read(self, store_id: str, kind: Kind | None, after: str | None, limit: int) -> Page:
        page = await super().read(store_id, kind, after, limit)
        if after is not None and not self.lost:
            self.reading.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.lost = True
        return page


async def test_a_tail_ends_although_a_cancellation_was_lost(server: NatsServer) -> None:
    feed = Deaf(server.url)
    await feed.start()
    await eventually(lambda: feed.connected)

    async with asyncio.timeout(20), Tails(feed).following("S1", None, await feed.checked(None)):
        await feed.reading.wait()

    assert feed.lost
    await feed.close()
