"""Alerts: told when a product runs out and when that is over, once, whoever looks."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import insert, update

from backend.alerts import queries as alerts
from backend.database import tables
from backend.database.engine import Database
from backend.events import relay as relay_module
from backend.events.relay import Relay
from backend.ids import new_id
from backend.ledger.lanes import open_ledger
from backend.model.alerts import Alert, AlertState
from backend.model.stock import StockRow
from backend.model.verbs.set_stock import LevelChanges, SetStock
from tests.eventually import eventually
from tests.ledger.shop import open_shop, receive, request, reserve
from tests.servers import NatsServer

from .messages import history, holds, put_stock

TEA, JAM = ("S1", "tea"), ("S1", "jam")


async def furnish(database: Database, tea: int) -> None:
    """Tea is ordered anew at 10, and there shall always be 4; nobody has said anything of jam."""
    await put_stock(database, StockRow(*TEA, on_hand=tea, version=1), StockRow(*JAM, version=1))
    async with database.writer.begin() as connection:
        levels = {"store_id": "S1", "product_id": "tea", "reorder_point": 10, "min_level": 4}
        await connection.execute(insert(tables.levels).values(levels))


async def sell_to(database: Database, on_hand: int) -> None:
    stock = tables.stock
    moved = update(stock).where(stock.c.product_id == "tea").values(on_hand=on_hand, version=stock.c.version + 1)
    async with database.writer.begin() as connection:
        await connection.execute(moved)


async def looked(database: Database) -> list[Alert]:
    return [alert for one in await alerts.look(database, [TEA, JAM]) for alert in one.message.alerts]


async def test_each_change_of_state_is_told_once(database: Database) -> None:
    await furnish(database, tea=30)
    told = []
    for units in (30, 10, 9, 11, 10, 4, 5, 3, 6, 30):
        await sell_to(database, units)
        told += await looked(database)
        assert not await looked(database)
    assert [(alert.state, alert.available, alert.version) for alert in told] == [
        (AlertState.LOW, 10, 3),
        (AlertState.MINIMUM, 4, 7),
        (AlertState.LOW, 6, 10),
        (AlertState.OK, 30, 11),
    ]
    assert {(alert.reorder_point, alert.min_level) for alert in told} == {(10, 4)}
    assert await holds(database, 4)  # in the outbox, whoever dies now


async def test_what_is_on_its_way_is_told_once_and_what_no_longer_is_too(database: Database) -> None:
    await furnish(database, tea=9)
    told = await looked(database)
    stock = tables.stock
    for incoming in (2, 3, 2, 1, 0):
        moved = update(stock).where(stock.c.product_id == "tea").values(incoming=incoming, version=stock.c.version + 1)
        async with database.writer.begin() as connection:
            await connection.execute(moved)
        told += await looked(database)
        assert not await looked(database)
    assert [(alert.state, alert.on_its_way, alert.available, alert.incoming) for alert in told] == [
        (AlertState.LOW, False, 9, 0),
        (AlertState.LOW, True, 9, 3),
        (AlertState.LOW, False, 9, 1),
    ]


async def test_servers_that_look_at_once_tell_once(database: Database) -> None:
    await furnish(database, tea=5)
    answers = await asyncio.gather(*(looked(database) for _ in range(5)))
    assert [alert.state for told in answers for alert in told] == [AlertState.LOW]


async def test_a_row_that_moved_meanwhile_is_left_to_the_next_look(database: Database) -> None:
    await furnish(database, tea=5)
    changed = await alerts._changed(database, [TEA])
    await sell_to(database, 30)
    async with database.writer.begin() as connection:
        assert [await alerts._keep(connection, alert) for alert in changed] == [False]
    assert not await looked(database)


async def test_the_relay_tells_of_what_the_ledger_commits(
    database: Database, start_nats: Callable[[], NatsServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "FINISH_SECONDS", 0.1)
    nats = start_nats()
    await open_shop(database)
    relay = Relay(database, {"servers": nats.url})
    await relay.start()
    await eventually(lambda: relay.connected)
    ledger = open_ledger(database, relay.publish)
    await ledger.start()

    async def told() -> list[tuple[str, AlertState, int]]:
        return [
            (subject, alert.state, alert.available)
            for _, subject, message in await history(nats.url)
            for alert in message.alerts
        ]

    async def tells(number: int) -> bool:
        return len(await told()) == number

    levels = LevelChanges(reorder_point=10)
    stocked = SetStock(id=new_id(), store_id="292", product_id="tea", quantity=30, levels=levels, expected_version=0)
    assert (await ledger.submit(request(stocked))).accepted
    assert (await ledger.submit(reserve(tea=20))).accepted
    await eventually(lambda: tells(1))
    assert (await ledger.submit(receive(tea=5))).accepted
    await eventually(lambda: tells(2))
    await ledger.close()
    await eventually(lambda: holds(database, 0))
    await relay.close()
    subject = "inventory.292.alert.tea"
    assert await told() == [(subject, AlertState.LOW, 10), (subject, AlertState.OK, 15)]
