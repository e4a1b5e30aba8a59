"""The live link against a NATS that is a few lines of Python: what arrives, what is refetched, and how sure we are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import nats
import pytest

from backend.model.stock import StockRow
from backend.terminal import listener as live_module
from backend.terminal.api import SessionEnded
from backend.terminal.live import WATCHED, Link, Live, StockView
from tests.eventually import eventually

from .fake_nats import FakeNats
from .fake_server import SESSION, FakeServer


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> FakeNats:
    fake = FakeNats()
    monkeypatch.setattr(nats, "connect", fake.connect)
    monkeypatch.setattr(live_module, "PAUSES", (0.01,))
    return fake


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@asynccontextmanager
async def running(server: FakeServer, now: list[float] | None = None) -> AsyncIterator[Live]:
    clock = now or [100.0]
    live = Live(server.signed_in(), SESSION, "T1", lambda: clock[0])
    task = asyncio.create_task(live.run())
    yield live
    task.cancel()
    await asyncio.wait([task])


async def test_it_connects_with_the_access_token_and_listens_to_the_stores_of_the_session(
    bus: FakeNats, server: FakeServer
) -> None:
    async with running(server) as live:
        await eventually(lambda: live.link is Link.ONLINE)
    assert bus.options["token"] == "token"
    assert bus.options["inbox_prefix"] == b"_INBOX.ana-T1"
    assert bus.subjects == ["inventory.292.>", "inventory.319.>", "inventory.361.>", "inventory.406.>"]


async def test_only_newer_versions_of_watched_products_are_taken_in(bus: FakeNats, server: FakeServer) -> None:
    async with running(server) as live:
        await eventually(lambda: live.link is Link.ONLINE)
        await live.watch(["1041"])
        live.take_changed()
        await bus.publish(StockRow("292", "1041", on_hand=8, version=2), StockRow("292", "1042", on_hand=1, version=9))
        assert live.changed.is_set()
        assert live.take_changed() == {"1041"}
        await bus.publish(StockRow("292", "1041", on_hand=9, version=1))
        await bus.publish(StockRow("292", "1041", on_hand=8, version=2))
        assert live.take_changed() == set()
        row = live.view.row("292", "1041")
    assert row is not None
    assert (row.on_hand, live.view.row("292", "1042")) == (8, None)


async def test_what_was_missed_while_away_is_fetched_when_it_connects_again(bus: FakeNats, server: FakeServer) -> None:
    async with running(server) as live:
        await live.watch(["1041"])
        await eventually(lambda: live.link is Link.ONLINE)
        bus.down = True
        await bus.drop()
        await eventually(lambda: live.link is Link.DEGRADED)
        server.books.stock["406", "1041"] = StockRow("406", "1041", on_hand=3, version=5)
        bus.down = False
        await eventually(lambda: live.link is Link.ONLINE)
        assert [row.available for row in live.view.elsewhere("292", "1041")] == [10, 10, 3]
    assert bus.connections == 2


async def test_without_nats_numbers_have_an_age_and_are_fetched_again_with_every_attempt(
    bus: FakeNats, server: FakeServer
) -> None:
    bus.down = True
    now = [100.0]
    async with running(server, now) as live:
        await live.watch(["1041"])
        await eventually(lambda: live.link is Link.DEGRADED)
        now[0] = 130.0
        await eventually(lambda: live.view.fresh_at == 130.0)
        now[0] = 135.0
        assert live.view.age("292", "1041", now[0]) <= 5.0


async def test_a_server_that_is_away_is_noticed_and_its_numbers_grow_old(bus: FakeNats, server: FakeServer) -> None:
    now = [100.0]
    async with running(server, now) as live:
        await live.watch(["1041"])
        await eventually(lambda: live.link is Link.ONLINE)
        server.away = True
        now[0] = 160.0
        live.check()
        await eventually(lambda: live.link is Link.OFFLINE)
        assert live.view.age("292", "1041", 165.0) == 65.0, "the age is counted from the last certainty"
        server.away = False
        live.check()
        await eventually(lambda: live.link is Link.ONLINE)
        assert live.view.age("292", "1041", 165.0) == 5.0
    assert bus.connections == 1, "NATS was there all the time"


async def test_a_server_that_is_silent_is_noticed(
    bus: FakeNats, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is there, and no answer comes: a stopped process, or a network that swallows everything."""
    monkeypatch.setattr(live_module, "BEAT", 0.05)
    monkeypatch.setattr(live_module, "SILENCE", 0.1)
    async with running(server) as live:
        await eventually(lambda: live.link is Link.ONLINE)
        server.silent = asyncio.Event()
        await eventually(lambda: live.link is Link.OFFLINE)
        asked = len(server.requests)
        await eventually(lambda: len(server.requests) > asked + 1)
        assert live.link is Link.OFFLINE
        server.silent.set()
        await eventually(lambda: live.link is Link.ONLINE)


async def test_while_somebody_knows_better_no_number_counts_as_current(bus: FakeNats, server: FakeServer) -> None:
    now = [100.0]
    async with running(server, now) as live:
        await live.watch(["1041"])
        await eventually(lambda: live.link is Link.ONLINE)
        live.is_doubted = lambda: True
        now[0] = 130.0
        asked = len(server.requests)
        live.check()
        await eventually(lambda: len(server.requests) > asked)
        assert live.view.age("292", "1041", 130.0) == 30.0
        live.is_doubted = lambda: False
        live.check()
        await eventually(lambda: live.view.age("292", "1041", 130.0) == 0.0)


async def test_a_session_that_ended_ends_the_run(bus: FakeNats, server: FakeServer) -> None:
    live = Live(server.signed_in(), SESSION, "T1")
    task = asyncio.create_task(live.run())
    await eventually(lambda: live.link is Link.ONLINE)
    server.session_over = True
    live.check()
    with pytest.raises(SessionEnded):
        await task
    assert bus.is_closed


async def test_a_message_that_cannot_be_read_is_skipped(bus: FakeNats, server: FakeServer) -> None:
    async with running(server) as live:
        await eventually(lambda: live.link is Link.ONLINE)
        await live._on_message(SimpleNamespace(data=b"{"))  # type: ignore[arg-type]
        assert live.link is Link.ONLINE


async def test_a_product_is_fetched_once_however_many_ask(bus: FakeNats, server: FakeServer) -> None:
    live = Live(server.signed_in(), SESSION, "T1")
    await asyncio.gather(live.watch(["1041"]), live.watch(["1041", "1041"]))
    await live.watch(["1041"])
    assert server.requests.count("/stock/product/1041") == 1


def test_only_so_many_products_are_watched_and_the_longest_unused_makes_room() -> None:
    view = StockView()
    for number in range(WATCHED):
        view.watch(f"p{number}")
        view.take([StockRow("292", f"p{number}", 1, version=1)], now=0)
    assert not view.watch("p0")
    assert view.watch("one more")
    assert view.row("292", "p1") is None
    assert view.row("292", "p0") is not None
    assert len(view.seen) == WATCHED - 1
