"""The relay with a real NATS and both databases: every committed message arrives, whatever goes away in between."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from backend.database.engine import Database
from backend.events import outbox
from backend.events import relay as relay_module
from backend.events.relay import MAX_QUEUE, Relay
from backend.events.streams import LAST
from backend.ids import new_id
from backend.model.answers import SaleRecord
from backend.model.events import Message
from backend.model.reservations import HeldLine, Reservation, Status
from backend.model.stock import StockRow
from tests.eventually import eventually
from tests.servers import NatsServer

from .messages import LEFT_BEHIND, commit, execute, history, holds, outgoing, put_stock, some


@asynccontextmanager
async def running(database: Database, url: str) -> AsyncIterator[Relay]:
    relay = Relay(database, {"servers": url})
    await relay.start()
    try:
        yield relay
    finally:
        await relay.close()


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "SWEEP_SECONDS", 0.1)
    monkeypatch.setattr(relay_module, "FINISH_SECONDS", 0.1)


@pytest.fixture
def server(start_nats: Callable[[], NatsServer]) -> NatsServer:
    return start_nats()


async def test_publishes_once_in_order_and_empties_the_outbox(database: Database, server: NatsServer) -> None:
    sent = some(300) + some(2, "S2")
    await commit(database, sent)

    async with running(database, server.url) as relay:
        await eventually(lambda: relay.connected)
        relay.publish(sent)
        await eventually(lambda: relay.published >= len(sent))
        await eventually(lambda: holds(database, 0))

    assert await history(server.url) == [
        (str(x.id), f"inventory.{x.store_id}.stock.{x.message.stock[0].product_id}", x.message) for x in sent
    ]


async def test_the_sweep_publishes_what_a_crash_left_behind(database: Database, server: NatsServer) -> None:
    left = some(1200)  # more than two pages
    await commit(database, left, LEFT_BEHIND)

    async with running(database, server.url):
        await eventually(lambda: holds(database, 0))

    assert [message[0] for message in await history(server.url)] == [str(message.id) for message in left]


async def test_the_sweep_leaves_young_rows_to_whoever_committed_them(database: Database) -> None:
    old, young = some(1), some(1)
    await commit(database, young)
    await commit(database, old, LEFT_BEHIND)

    assert (await outbox.read_leftovers(database)).messages == old


async def test_without_nats_messages_wait_and_arrive_when_it_is_back(database: Database, server: NatsServer) -> None:
    before, during = some(50), some(50)
    await commit(database, before)

    async with running(database, server.url) as relay:
        await eventually(lambda: relay.connected)
        relay.publish(before)
        await eventually(lambda: relay.published >= len(before))
        server.kill()
        await eventually(lambda: not relay.connected)
        await commit(database, during, LEFT_BEHIND)
        relay.publish(during)
        assert relay.pending == 0
        server.start()
        await eventually(lambda: holds(database, 0))

    arrived = [message[0] for message in await history(server.url)]
    assert len(arrived) == len(set(arrived))
    assert set(arrived) == {str(message.id) for message in before + during}


async def test_nats_may_come_later_than_the_server(database: Database, server: NatsServer) -> None:
    left = some(3)
    await commit(database, left, LEFT_BEHIND)
    server.stop()

    async with running(database, server.url):
        server.start()
        await eventually(lambda: holds(database, 0))

    assert len(await history(server.url)) == len(left)


async def test_a_message_that_this_release_cannot_read_keeps_no_other_waiting(
    database: Database, server: NatsServer
) -> None:
    await commit(database, some(1, "S2"), LEFT_BEHIND)
    await execute(database, """UPDATE outbox SET payload = '{"store_id": "S2", "at": "of a later release"}'""")
    await commit(database, some(3), LEFT_BEHIND)

    async with running(database, server.url):
        await eventually(lambda: holds(database, 1))
        await commit(database, some(3), LEFT_BEHIND)
        await eventually(lambda: holds(database, 1))


async def test_two_relays_that_sweep_at_once_make_one_history(database: Database, server: NatsServer) -> None:
    left = some(1200)
    await commit(database, left, LEFT_BEHIND)

    async with running(database, server.url), running(database, server.url):
        await eventually(lambda: holds(database, 0))

    assert sorted(message[0] for message in await history(server.url)) == [str(message.id) for message in left]


async def test_closing_publishes_what_is_in_memory(database: Database, server: NatsServer) -> None:
    sent = some(500)
    await commit(database, sent)

    async with running(database, server.url) as relay:
        await eventually(lambda: relay.connected)
        relay.publish(sent)

    assert len(await history(server.url)) == len(sent)
    assert await holds(database, 0)


async def test_a_nats_that_hangs_delays_neither_the_ledger_nor_the_end(database: Database, server: NatsServer) -> None:
    async with running(database, server.url) as relay:
        await eventually(lambda: relay.connected)
        server.pause()
        for _ in range(10):
            relay.publish(some(MAX_QUEUE // 5))
        assert relay.pending == MAX_QUEUE
        await asyncio.wait_for(relay.close(deadline=0.1), 10)
        server.resume()


async def test_a_message_that_nats_cannot_take_stops_no_other(database: Database, server: NatsServer) -> None:
    sale = SaleRecord(new_id(), "S1", "x" * 2_000_000, 1, datetime.now(UTC))
    huge, small = outgoing(Message("S1", sale.sold_at, sales=(sale,))), some(1)
    await commit(database, [huge, *small])

    async with running(database, server.url) as relay:
        await eventually(lambda: relay.connected)
        relay.publish([huge, *small])
        await eventually(lambda: relay.published == 1)

        assert relay.refused == 1
        await eventually(lambda: holds(database, 1))


async def test_a_database_that_fails_for_a_while_is_no_end(database: Database, server: NatsServer) -> None:
    sent = some(10)
    await commit(database, sent)

    async with running(database, server.url) as relay:
        await eventually(lambda: relay.connected)
        await execute(database, "ALTER TABLE outbox RENAME TO outbox_away")
        relay.publish(sent)
        with capture_logs() as logs:
            await eventually(lambda: any(entry["event"] == "outbox_not_emptied" for entry in logs))
        await execute(database, "ALTER TABLE outbox_away RENAME TO outbox")
        await eventually(lambda: holds(database, 0))


async def test_the_age_of_the_oldest_row_is_known(database: Database) -> None:
    assert await outbox.oldest_age(database) == 0
    await commit(database, some(1), LEFT_BEHIND)
    await commit(database, some(1))

    assert await outbox.oldest_age(database) == pytest.approx(LEFT_BEHIND.total_seconds(), abs=30)


async def test_a_batch_goes_out_in_parts_that_can_be_listened_to_one_by_one(
    database: Database, server: NatsServer
) -> None:
    now = datetime.now(UTC)
    rows = StockRow("S1", "P.1", on_hand=3, version=4), StockRow("S1", "P2", on_hand=5, version=6)
    sale = SaleRecord(new_id(), "S1", "R1", 100, now)
    hold = Reservation(new_id(), "S1", Status.PENDING, (HeldLine("P2", 1),), now, "", "ana", "T1", now, now)
    batch = outgoing(Message("S1", now, rows, (hold,), (sale,)))
    await commit(database, [batch])

    async with running(database, server.url) as relay:
        await eventually(lambda: relay.connected)
        relay.publish([batch])
        await eventually(lambda: holds(database, 0))

    assert await history(server.url) == [
        ("", "inventory.S1.stock.P%2E1", Message("S1", now, stock=rows[:1])),
        ("", "inventory.S1.stock.P2", Message("S1", now, stock=rows[1:])),
        ("", "inventory.S1.reservation.batch", Message("S1", now, reservations=(hold,))),
        (str(batch.id), "inventory.S1.sale.batch", Message("S1", now, sales=(sale,))),
    ]


async def test_the_last_message_of_a_row_is_the_newest_though_an_older_one_came_after_it(
    database: Database, server: NatsServer
) -> None:
    """The other server told of version 9 at once; this one comes late, with version 8."""
    await put_stock(database, StockRow("S1", "P1", on_hand=1, version=9))
    late = outgoing(Message("S1", datetime.now(UTC), stock=(StockRow("S1", "P1", on_hand=2, version=8),)))
    await commit(database, [late], LEFT_BEHIND)

    async with running(database, server.url):
        await eventually(lambda: holds(database, 0))
        await eventually(lambda: last_versions(server.url, [9]))


async def last_versions(url: str, wanted: list[int]) -> bool:
    return [row.version for _, _, message in await history(url, LAST) for row in message.stock] == wanted


async def test_what_the_sweep_finds_while_it_waits_its_turn_is_not_counted_twice(
    database: Database, server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "MAX_IN_FLIGHT", 20)
    slow = some(30)

    async with running(database, server.url) as relay:
        await eventually(lambda: relay.connected)
        server.pause()
        await commit(database, slow, LEFT_BEHIND)
        relay.publish(slow)
        await eventually(lambda: relay.pending > 2 * len(slow))  # the sweep has found what waits, more than once
        server.resume()
        await eventually(lambda: holds(database, 0))
        await asyncio.wait_for(relay.close(deadline=60), 10)  # nothing seems to be in flight any more
