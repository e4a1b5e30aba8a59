"""Each rule of the alerts, on both databases: what it tells of, and what it keeps quiet about."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from backend.alerts.findings import OpenAlert, Thresholds
from backend.alerts.service import RULES, Alerts
from backend.database import tables
from backend.database.engine import Database
from backend.database.reads import moment, reading
from backend.ids import new_id
from backend.ledger.lanes import Ledger
from backend.model.commands import Line, LinePricing, SaleLine
from backend.model.stock import Who
from backend.model.verbs.sell import Sell
from backend.model.verbs.transfer_open import TransferOpen
from backend.model.verbs.transfer_pack import TransferPack
from backend.model.verbs.transfer_ship import TransferShip
from backend.people.session_queries import rotate
from tests.allotments.shelf import EVA, LUIS, allot, draw
from tests.ledger.shop import bury, codes, extend, open_shop, receive, request, reserve, running_ledger, sell

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


async def told(database: Database, rule: str, store_id: str = "292", **thresholds: int) -> list[OpenAlert]:
    """What the rule finds now, with these thresholds."""
    found = await Alerts(database, Thresholds(**thresholds)).open_in(store_id)
    return [alert for alert in found.alerts if alert.rule == rule]


async def ago(database: Database, table: Any, column: str, age: timedelta) -> None:
    """Make it as if all rows of a table had been written earlier."""
    async with reading(database) as connection:
        then = await moment(connection) - age
    async with database.writer.begin() as connection:
        await connection.execute(update(table).values({column: then}))


@pytest.fixture
async def shop(database: Database) -> Database:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=500, jam=5))
    return database


async def ship(ledger: Ledger) -> str:
    opened = TransferOpen(id=new_id(), store_id="292", from_store_id="292", to_store_id="304", lines=(Line("tea", 3),))
    for command in (
        opened,
        TransferPack(id=new_id(), store_id="292", transfer_id=opened.id),
        TransferShip(id=new_id(), store_id="292", transfer_id=opened.id),
    ):
        assert (await ledger.submit(request(command))).accepted
    return str(opened.id)


async def test_a_quiet_shop_has_no_alerts(shop: Database) -> None:
    async with running_ledger(shop) as ledger:
        assert codes(await ledger.submit_many([sell(tea=1), reserve(tea=1), sell(jam=1)])) == [None] * 3
    assert (await Alerts(shop).open_in("292")).alerts == ()


async def test_a_transfer_that_got_stuck_is_told_to_both_stores(shop: Database) -> None:
    async with running_ledger(shop) as ledger:
        transfer = await ship(ledger)
    assert not await told(shop, "stuck_transfer")
    await ago(shop, tables.documents, "updated_at", 50 * HOUR)
    for store_id in ("292", "304"):
        (alert,) = await told(shop, "stuck_transfer", store_id)
        assert (alert.subject, alert.value, alert.threshold) == (transfer, 50, 48)
        assert alert.sentence == f"Transfer {transfer} from 292 to 304 is in_transit, with no step for 50 hours."
    assert not await told(shop, "stuck_transfer", transfer_hours=51)


async def sign_in(database: Database, terminal_id: str, **columns: Any) -> None:
    async with reading(database) as connection:
        now = await moment(connection)
    row: dict[str, Any] = {"id": new_id().hex, "user_name": "ana", "store_id": "292", "terminal_id": terminal_id}
    row |= {"refresh_hash": "x", "created_at": now - 40 * MINUTE, "expires_at": now + 12 * HOUR}
    row |= {name: now - age for name, age in columns.items()}
    async with database.writer.begin() as connection:
        await connection.execute(insert(tables.sessions), row)


async def test_a_terminal_that_fell_silent_is_told_until_its_session_is_over(shop: Database) -> None:
    await sign_in(shop, "T1")
    await sign_in(shop, "T2", renewed_at=5 * MINUTE)
    await sign_in(shop, "T3", ended_at=20 * MINUTE)
    await sign_in(shop, "T4", expires_at=MINUTE)
    await sign_in(shop, "T5")
    await sign_in(shop, "T5", created_at=MINUTE)
    (alert,) = await told(shop, "silent_terminal")
    assert (alert.terminal_id, alert.value, alert.actor) == ("T1", 40, "ana")
    assert "Terminal T1, where ana is signed in, was last heard of 40 minutes ago." in alert.sentence
    assert not await told(shop, "silent_terminal", silent_minutes=41)
    assert not await told(shop, "silent_terminal", "304")


async def test_an_allotment_that_was_not_renewed_is_told_until_it_is(shop: Database) -> None:
    async with running_ledger(shop) as ledger:
        mine = (await ledger.submit(allot(3, ttl=60))).id
        await ledger.submit(allot(2, who=LUIS, ttl=3 * 3600))
        empty = (await ledger.submit(allot(1, who=EVA))).id
        await ledger.submit(draw(empty, 1, who=EVA))
        assert not await told(shop, "overdue_allotment")
        async with shop.writer.begin() as connection:
            due = tables.allotments.c.due_at
            late = await moment(connection) - 90 * MINUTE
            await connection.execute(update(tables.allotments).where(due < late + 3 * HOUR).values(due_at=late))
        (alert,) = await told(shop, "overdue_allotment")
        assert (alert.subject, alert.terminal_id, alert.value) == (str(mine), "T1", 90)
        assert "Terminal T1 keeps 3 units of tea and should have renewed them 90 minutes ago" in alert.sentence
        assert not await told(shop, "overdue_allotment", "304")
        await ledger.submit(allot(3, mine))
    assert not await told(shop, "overdue_allotment")


async def test_a_large_allotment_is_no_hoarding(shop: Database) -> None:
    async with running_ledger(shop) as ledger:
        await ledger.submit(allot(200))
    assert not await told(shop, "hold_hoarding")


async def test_a_renewed_session_is_a_sign_of_life(shop: Database) -> None:
    await sign_in(shop, "T1")
    async with shop.writer.begin() as connection:
        session_id = await connection.scalar(select(tables.sessions.c.id))
        assert await rotate(connection, session_id or "", "x", "y", "sealed")
    assert not await told(shop, "silent_terminal")


async def test_a_number_changed_by_hand_is_drift(shop: Database) -> None:
    stock = tables.stock
    async with shop.writer.begin() as connection:
        await connection.execute(update(stock).where(stock.c.product_id == "tea").values(on_hand=490))
    (alert,) = await told(shop, "drift")
    assert (alert.subject, alert.value) == ("tea", 10)
    assert "on_hand is 490 and not 500" in alert.sentence


async def test_repeated_attempts_beyond_the_stock_name_the_product(shop: Database) -> None:
    async with running_ledger(shop) as ledger:
        await ledger.submit_many([sell(jam=6, tea=1) for _ in range(3)] + [reserve(jam=9)])
    (alert,) = await told(shop, "negative_attempt", refusals_an_hour=3)
    assert (alert.subject, alert.value) == ("jam", 4)
    assert not await told(shop, "negative_attempt", refusals_an_hour=4)
    await ago(shop, tables.commands, "at", 2 * HOUR)
    assert not await told(shop, "negative_attempt", refusals_an_hour=3)


async def test_an_odd_sale_is_far_above_the_usual(shop: Database) -> None:
    async with running_ledger(shop) as ledger:
        await ledger.submit_many([sell(tea=1) for _ in range(18)])
        many = await ledger.submit(sell(tea=60))
        assert not await told(shop, "odd_sale")  # of 19 sales nobody knows what is usual
        dear = Sell(id=new_id(), store_id="292", lines=(SaleLine("tea", 1, 90_000),), receipt_number="T1-7")
        await ledger.submit(request(dear))
        found = {alert.subject: alert for alert in await told(shop, "odd_sale")}
    assert set(found) == {str(many.id), str(dear.id)}
    assert (found[str(many.id)].value, found[str(many.id)].threshold) == (60, 39)
    assert found[str(dear.id)].sentence == "Sale T1-7 has 1 units for 900.00; usual are 4.0 units for 48.90."
    await ago(shop, tables.sales, "sold_at", 25 * HOUR)
    assert not await told(shop, "odd_sale")


async def test_hoarding_is_of_units_and_of_renewals(shop: Database) -> None:
    async with running_ledger(shop) as ledger:
        await ledger.submit_many([reserve(tea=30), reserve(tea=30), reserve(jam=2)])
        dead = await ledger.submit(request(reserve(jam=3).command, Who("luis", "T2")))
        (units,) = await told(shop, "hold_hoarding")
        assert (units.subject, units.value, units.actor, units.terminal_id) == ("tea", 60, "ana", "T1")
        assert units.sentence == "ana at T1 holds 60 units of tea."
        for _ in range(3):
            await ledger.submit(extend(dead.id, 900))
        (renewed,) = await told(shop, "hold_hoarding", held_units=60, hold_renewals=2)
        assert (renewed.subject, renewed.value, renewed.actor) == (str(dead.id), 3, "luis")
        await bury(shop, dead.id)
        assert not await told(shop, "hold_hoarding", held_units=60, hold_renewals=2)


async def test_another_price_is_told_with_its_reason(shop: Database) -> None:
    async with running_ledger(shop) as ledger:
        lines = (SaleLine("tea", 2, 50), SaleLine("jam", 1, 10))
        sold = Sell(id=new_id(), store_id="292", lines=lines, receipt_number="T1-9", price_reason="dented")
        await ledger.submit_many([request(sold), sell(tea=1)])
    (alert,) = await told(shop, "price_override")
    assert (alert.subject, alert.value, alert.actor) == (str(sold.id), 3, "ana")
    assert alert.sentence == "ana sold 3 units at another price in sale T1-9: dented"
    assert not await told(shop, "price_override", "304")


async def test_a_discount_of_a_line_is_told_once_with_its_sale(shop: Database) -> None:
    less = LinePricing(list_price_cents=100, discount_reason="last day")
    lines = (SaleLine("tea", 2, 50, less), SaleLine("jam", 1, 100))
    async with running_ledger(shop) as ledger:
        discounted = Sell(id=new_id(), store_id="292", lines=lines, receipt_number="T1-8")
        both = Sell(id=new_id(), store_id="292", lines=lines, receipt_number="T1-9", price_reason="dented")
        answers = await ledger.submit_many([request(discounted), request(both)])
        assert codes(answers) == [None, None]
    told_now = {alert.subject: alert.sentence for alert in await told(shop, "price_override")}
    assert told_now == {
        str(discounted.id): "ana sold 2 units at another price in sale T1-8: last day",
        str(both.id): "ana sold 3 units at another price in sale T1-9: dented",
    }


async def test_an_answer_is_kept_for_some_seconds(shop: Database) -> None:
    now = 0.0
    alerts = Alerts(shop, clock=lambda: now)
    first = await alerts.open_in("292")
    async with running_ledger(shop) as ledger:
        await ledger.submit(reserve(tea=60))
    assert await alerts.open_in("292") is first
    now = 6.0
    assert [alert.rule for alert in (await alerts.open_in("292")).alerts] == ["hold_hoarding"]


async def test_what_is_cut_is_named(shop: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.alerts.service.LIMIT", 1)
    async with running_ledger(shop) as ledger:
        await ledger.submit(reserve(tea=60))
    assert (await Alerts(shop).open_in("292")).cut == ("hold_hoarding",)


def test_every_rule_has_its_name() -> None:
    assert list(RULES) == [
        "stuck_transfer",
        "silent_terminal",
        "overdue_allotment",
        "drift",
        "shortfall",
        "negative_attempt",
        "odd_sale",
        "hold_hoarding",
        "price_override",
    ]
