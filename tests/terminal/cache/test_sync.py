"""The copy follows a server of a few lines: what it hears, what it catches up with, and what it puts right."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import nats
import pytest

from backend.ids import new_id
from backend.model.commands import Line
from backend.model.stock import StockRow
from backend.model.sync import Code
from backend.model.verbs.receive import Receive
from backend.terminal import listener
from backend.terminal.api import ServerAway, SessionEnded
from backend.terminal.cache import sync as sync_module
from backend.terminal.cache.cache import Cache
from backend.terminal.cache.elsewhere import FRESH_SECONDS, Elsewhere
from backend.terminal.cache.sync import Sync
from backend.terminal.listener import Link
from tests.eventually import eventually
from tests.terminal.fake_nats import FakeNats
from tests.terminal.fake_server import IN_STOCK, PRODUCTS, SESSION, FakeServer


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> FakeNats:
    fake = FakeNats()
    monkeypatch.setattr(nats, "connect", fake.connect)
    monkeypatch.setattr(listener, "PAUSES", (0.01,))
    monkeypatch.setattr(sync_module, "GATHER_SECONDS", 0.0)
    monkeypatch.setattr(sync_module, "_TICK", 0.01)
    return fake


@pytest.fixture
def server() -> FakeServer:
    server = FakeServer()
    server.sync.events = []
    return server


@pytest.fixture
async def cache(tmp_path: Path) -> AsyncIterator[Cache]:
    cache = Cache(tmp_path / "copy.db", "292")
    yield cache
    await cache.close()


@asynccontextmanager
async def running(server: FakeServer, cache: Cache, clock: list[float] | None = None) -> AsyncIterator[Sync]:
    """A copy that follows the server; `clock` is when the next comparison and the like are due."""
    now = clock or [0.0]
    sync = Sync(cache, server.signed_in(), SESSION, "T1", lambda: now[0])
    task = asyncio.create_task(sync.run())
    yield sync
    task.cancel()
    await asyncio.wait([task])


def moved(server: FakeServer, product_id: str, quantity: int) -> None:
    """Goods arrive at the server."""
    answer = server.decide(Receive(id=new_id(), store_id="292", lines=(Line(product_id, quantity),)), "luis")
    assert answer.accepted


async def on_hand(cache: Cache, product_id: str = "1041") -> int:
    return (await cache.stock(product_id)).row.on_hand


def is_online(sync: Sync) -> bool:
    return sync.link is Link.ONLINE


async def equal(server: FakeServer, cache: Cache) -> bool:
    """Whether the copy has every stock row and every product of the server, as they are there."""
    await cache.flush()
    stock = await cache.stock_of(list(PRODUCTS))
    rows = {x: server.books.stock["292", x] for x in PRODUCTS}
    found = {x.product.id for x in (await cache.search("", 1_000)).found}
    return {x: number.row for x, number in stock.items()} == rows and found == set(server.sync.products)


async def test_a_cold_start_takes_the_whole_and_then_every_change(
    bus: FakeNats, server: FakeServer, cache: Cache
) -> None:
    assert (await cache.stock("1041")).age is None
    async with running(server, cache) as sync:
        await eventually(lambda: is_online(sync))
        assert await equal(server, cache)
        assert bus.subjects == ["inventory.292.>"]
        cache.take_changed()
        await bus.publish(StockRow("292", "1041", on_hand=8, version=2))
        assert cache.changed.is_set()
        assert cache.take_changed() == {"1041"}
        number = await cache.stock("1041")
        assert (number.available, number.age, number.is_fresh) == (8, 0.0, True)
        await bus.publish(StockRow("292", "1041", on_hand=9, version=1))
        assert await on_hand(cache) == 8
    assert not (await cache.stock("1041")).is_fresh
    assert server.requests.count("/sync/snapshot") == 1


async def test_after_a_restart_the_copy_is_there_at_once_and_catches_up_without_a_snapshot(
    bus: FakeNats, server: FakeServer, cache: Cache, tmp_path: Path
) -> None:
    async with running(server, cache) as sync:
        await eventually(lambda: is_online(sync))
    await cache.close()
    moved(server, "1041", 5)
    moved(server, "1042", 1)
    server.away = True
    again = Cache(tmp_path / "copy.db", "292")
    async with running(server, again) as sync:
        await eventually(lambda: sync.link is Link.OFFLINE)
        assert await on_hand(again) == IN_STOCK
        assert (await again.search("milk")).found
        server.away = False
        sync.check()
        await eventually(lambda: is_online(sync))
        assert await equal(server, again)
        assert sync.healed == 0, "what was read from the events did not differ"
    await again.close()
    assert server.requests.count("/sync/snapshot") == 1
    assert "/sync/buckets" not in server.requests


@pytest.mark.parametrize("how", ["lost history", "too many", "no events"])
async def test_what_the_events_cannot_tell_any_more_is_fetched_by_its_sums(
    bus: FakeNats, server: FakeServer, cache: Cache, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(sync_module, "PAGE", 2)
    monkeypatch.setattr(sync_module, "MAX_PAGES", 2)
    async with running(server, cache) as sync:
        await eventually(lambda: is_online(sync))
        bus.down = True
        await bus.drop()
        await eventually(lambda: sync.link is not Link.ONLINE)
        server.away = True
        sync.check()
        for number, product_id in enumerate([*PRODUCTS] * 5, 1):
            moved(server, product_id, number)
        if how == "lost history":
            server.sync.events, server.sync.begun = [], 2
        if how == "no events":
            server.sync.events = None
        bus.down = server.away = False
        sync.check()
        await eventually(lambda: is_online(sync))
        assert await equal(server, cache)
        assert sync.healed == 0, "nothing was lost on its way"
        assert cache.facts["events"] == ("1-0" if how == "no events" else server.sync._now)
    assert server.requests.count("/sync/snapshot") == 1
    assert "/sync/buckets" in server.requests


async def test_changes_of_the_catalogue_come_by_themselves(bus: FakeNats, server: FakeServer, cache: Cache) -> None:
    clock = [0.0]
    async with running(server, cache, clock) as sync:
        await eventually(lambda: is_online(sync))
        milk = server.sync.products["1041"]
        server.sync.change(
            msgspec.structs.replace(milk, name="Oat drink", price_cents=99, barcodes=(Code("40170725"),))
        )
        server.sync.change(msgspec.structs.replace(milk, number=50, id="new", sku="NEW", name="Tea", barcodes=()))
        server.sync.remove("1046")
        cache.take_changed()
        clock[0] += sync_module.CHANGES_SECONDS

        async def has_it() -> bool:
            return await cache.by_code("40170725") is not None

        await eventually(has_it)
        coded = await cache.by_code("40170725")
        assert coded is not None
        assert (coded.product.name, coded.product.unit_price.cents) == ("Oat drink", 99)
        assert await cache.by_code("2000000010410") is None
        assert await cache.by_code("NEW") is not None
        assert await cache.by_code("1046") is None
        assert {"1041", "new", "1046"} <= cache.take_changed()
        assert sync.healed == 0


def _damage(cache: Cache) -> None:
    """Rows as no event ever told them: one too old, one wrong, one missing, one too many, a price, a product less."""
    db = sqlite3.connect(cache.path)
    with db:
        db.execute("UPDATE stock SET on_hand = 3, version = 0 WHERE product_id = '1041'")
        db.execute("UPDATE stock SET on_hand = 77 WHERE product_id = '1042'")
        db.execute("DELETE FROM stock WHERE product_id = '1043'")
        db.execute("UPDATE stock SET version = 900 WHERE product_id = '1044'")
        db.execute("UPDATE products SET price_cents = 1 WHERE id = '1045'")
    db.close()


async def test_differences_are_put_right_and_counted_and_the_server_is_told(
    bus: FakeNats, server: FakeServer, cache: Cache
) -> None:
    clock = [0.0]
    async with running(server, cache, clock) as sync:
        await eventually(lambda: is_online(sync))
        _damage(cache)
        clock[0] += sync_module.COMPARE_SECONDS
        await eventually(lambda: len(server.sync.healed) == 2)

        async def is_right() -> bool:
            return await equal(server, cache)

        await eventually(is_right)
        chocolate = await cache.product("1045")
        assert chocolate is not None
        assert chocolate.unit_price.cents == 150
        clock[0] += sync_module.SETTLING_SECONDS
        await eventually(lambda: sync.healed == 5)
        clock[0] += sync_module.COMPARE_SECONDS
        await eventually(lambda: len(server.sync.healed) == 3)
    assert server.sync.healed == ["catalogue=0 stock=0"] * 2 + ["catalogue=1 stock=4"]


async def test_a_change_that_was_only_late_is_no_difference(bus: FakeNats, server: FakeServer, cache: Cache) -> None:
    clock = [0.0]
    async with running(server, cache, clock) as sync:
        await eventually(lambda: is_online(sync))
        moved(server, "1041", 5)
        clock[0] += sync_module.COMPARE_SECONDS

        async def is_known() -> bool:
            return await on_hand(cache) == IN_STOCK + 5

        await eventually(is_known)
        await bus.publish(server.books.stock["292", "1041"])
        clock[0] += sync_module.COMPARE_SECONDS
        await eventually(lambda: len(server.sync.healed) == 3)
        assert sync.healed == 0


async def test_a_server_that_was_set_back_is_believed(bus: FakeNats, server: FakeServer, cache: Cache) -> None:
    async with running(server, cache) as sync:
        await eventually(lambda: is_online(sync))
        moved(server, "1041", 5)
        await bus.publish(server.books.stock["292", "1041"])
        await bus.drop()
        server.books.stock["292", "1041"] = StockRow("292", "1041", IN_STOCK, version=1)
        server.sync.events, server.sync.begun = [], 2
        await eventually(lambda: bus.connections == 2 and is_online(sync))
        assert await equal(server, cache)


async def test_the_position_moves_on_while_all_is_heard(bus: FakeNats, server: FakeServer, cache: Cache) -> None:
    clock = [0.0]
    async with running(server, cache, clock) as sync:
        await eventually(lambda: is_online(sync))
        for step in range(1, 4):
            moved(server, "1041", 1)
            asked = server.requests.count("/events")
            clock[0] += sync_module.MOVE_SECONDS
            await eventually(lambda asked=asked: server.requests.count("/events") > asked)  # type: ignore[misc]
            await eventually(lambda step=step: int(cache.facts["events"][2:]) >= step - 1)  # type: ignore[misc]
        assert cache.facts["events"] == "1-2", "the newest may not have been heard"
        assert "sure_at" in cache.facts


async def test_without_nats_the_events_are_read_again_and_again(
    bus: FakeNats, server: FakeServer, cache: Cache
) -> None:
    bus.down = True
    async with running(server, cache) as sync:
        await eventually(lambda: sync.link is Link.DEGRADED)
        moved(server, "1041", 5)

        async def is_known() -> bool:
            return await on_hand(cache) == IN_STOCK + 5

        await eventually(is_known)
        number = await cache.stock("1041")
        assert not number.is_fresh
        assert number.age is not None
        assert number.age < 60


async def test_a_file_that_turns_out_damaged_is_filled_again(bus: FakeNats, server: FakeServer, cache: Cache) -> None:
    async with running(server, cache) as sync:
        await eventually(lambda: is_online(sync))
        await cache._begin_anew(cache._writer)
        assert await cache.by_code("S1041") is None

        async def is_right() -> bool:
            return cache.is_complete and await equal(server, cache)

        await eventually(is_right)
        await eventually(lambda: cache.freshness.is_live)
    assert server.requests.count("/sync/snapshot") == 2


async def test_a_session_that_ended_ends_the_run(bus: FakeNats, server: FakeServer, cache: Cache) -> None:
    sync = Sync(cache, server.signed_in(), SESSION, "T1")
    task = asyncio.create_task(sync.run())
    await eventually(lambda: is_online(sync))
    server.session_over = True
    sync.check()
    with pytest.raises(SessionEnded):
        await task
    assert not cache.freshness.is_live


async def test_other_stores_are_asked_on_demand_and_remembered(server: FakeServer) -> None:
    now = [0.0]
    elsewhere = Elsewhere(server.signed_in(), "292", lambda: now[0])
    server.books.stock["406", "1041"] = StockRow("406", "1041", 30, version=2)
    others = await elsewhere.others("1041")
    assert [(x.store_id, x.available_qty) for x in others.stores] == [("406", 30), ("319", 10), ("361", 10)]
    assert others.age == 0.0
    await elsewhere.others("1041")
    assert server.requests.count("/stock/product/1041") == 1
    now[0] += FRESH_SECONDS
    server.away = True
    with pytest.raises(ServerAway):
        await elsewhere.others("1041")
    known = elsewhere.known("1041")
    assert known is not None
    assert (known.stores, known.age) == (others.stores, FRESH_SECONDS)
    assert elsewhere.known("1042") is None
