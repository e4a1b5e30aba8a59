"""The ledger on both databases: what it answers, what it stores, and that nothing can make it do a thing twice."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec import json
from sqlalchemy import func, select, text

from backend.database import tables
from backend.database.engine import Database
from backend.ids import expiry_command_id, new_id
from backend.ledger.lanes import Ledger, LedgerClosed, LedgerFull
from backend.ledger.settle import EXPIRY
from backend.model.answers import Code, ShortLine
from backend.model.commands import Line, SaleLine
from backend.model.events import Message, Outgoing
from backend.model.verbs.expire import Expire
from backend.model.verbs.receive import Receive
from backend.model.verbs.sell import Sell
from backend.model.verbs.set_stock import SetStock
from backend.model.verbs.transfer import Transfer
from backend.proof.books import prove

from .shop import (
    bury,
    cancel,
    codes,
    confirm,
    counters,
    extend,
    open_shop,
    receive,
    request,
    reserve,
    running_ledger,
    sell,
)


@pytest.fixture
async def ledger(database: Database) -> AsyncIterator[Ledger]:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        yield ledger
    assert not (await prove(database)).drifts


async def test_a_basket_is_held_sold_and_numbered(ledger: Ledger, database: Database) -> None:
    await ledger.submit(receive(tea=5, jam=2))
    held = await ledger.submit(reserve(tea=2, jam=1))
    sold = await ledger.submit(sell(held.id, tea=2, jam=1, receipt="292-T1-000001"))
    assert sold.sale is not None
    assert (sold.sale.receipt_number, sold.sale.total_cents) == ("292-T1-000001", 300)
    assert await counters(database, "tea") == (3, 0, 3)
    proof = await prove(database)
    assert (proof.movements, proof.sales, proof.open_holds, proof.units_sold) == (6, 1, 0, 3)


async def test_a_refusal_says_what_is_short(ledger: Ledger, database: Database) -> None:
    await ledger.submit(receive(tea=5))
    answer = await ledger.submit(sell(tea=6, jam=1))
    assert answer.refusal is not None
    assert answer.refusal.lines == (ShortLine("tea", 6, 5), ShortLine("jam", 1, 0))
    assert await counters(database, "tea") == (5, 0, 1)


async def test_unknown_stores_products_and_holds(ledger: Ledger) -> None:
    answers = await ledger.submit_many(
        [reserve(coffee=1), reserve("999", tea=1), cancel(new_id()), receive(coffee=1), receive("999", tea=1)]
    )
    assert codes(answers) == [
        *(Code.UNKNOWN_PRODUCT, Code.UNKNOWN_STORE, Code.UNKNOWN_RESERVATION),
        *(Code.UNKNOWN_PRODUCT, Code.UNKNOWN_STORE),
    ]


async def test_the_same_command_again_has_one_effect_and_the_first_answer(ledger: Ledger, database: Database) -> None:
    await ledger.submit(receive(tea=3))
    order, greedy = reserve(tea=2), reserve(tea=2)
    first = await ledger.submit_many([order, greedy])
    assert codes(first) == [None, Code.INSUFFICIENT_STOCK]
    await ledger.submit(receive(tea=9))
    again = await ledger.submit_many([order, greedy, order])
    assert again == [*first, first[0]], "a refusal too is the answer for good"
    assert (await counters(database, "tea"))[:2] == (12, 2)


async def test_an_id_used_for_other_content_is_refused(ledger: Ledger, database: Database) -> None:
    await ledger.submit(receive(tea=9))
    first = reserve(tea=1)
    other = reserve(id_=first.command.id, tea=2)
    elsewhere = reserve("304", id_=first.command.id, tea=1)
    answers = await ledger.submit_many([first, other, elsewhere])
    answers += [await ledger.submit(other), await ledger.submit(elsewhere), await ledger.submit(first)]
    reused = Code.COMMAND_REUSED
    assert codes(answers) == [None, reused, reused, reused, reused, None]
    assert (await counters(database, "tea"))[:2] == (9, 1)


async def test_a_shortage_frees_the_dead_holds_of_the_product_at_once(ledger: Ledger, database: Database) -> None:
    await ledger.submit(receive(tea=2, jam=5))
    dead = await ledger.submit(reserve(tea=2, jam=3))
    assert codes([await ledger.submit(reserve(tea=1))]) == [Code.INSUFFICIENT_STOCK]
    await bury(database, dead.id)
    assert (await ledger.submit(reserve(tea=1))).accepted
    assert (await counters(database, "tea"))[:2] == (2, 1)
    assert (await counters(database, "jam"))[:2] == (5, 0), "the whole hold has ended"


async def test_more_dead_holds_than_one_look_finds(ledger: Ledger, database: Database) -> None:
    await ledger.submit(receive(tea=1500))
    holds = await ledger.submit_many([reserve(tea=1) for _ in range(1500)])
    assert codes(holds) == [None] * 1500
    await bury(database, *(answer.id for answer in holds))
    assert (await ledger.submit(sell(tea=1400))).accepted


async def test_each_product_that_falls_short_has_its_dead_holds_ended(ledger: Ledger, database: Database) -> None:
    """Jam is short only once the dead tea is free, so the batch looks for dead holds twice, and not for the same."""
    await ledger.submit(receive(tea=1, jam=2))
    dead = await ledger.submit_many([reserve(tea=1), reserve(jam=1)])
    await bury(database, *(answer.id for answer in dead))
    assert codes(await ledger.submit_many([sell(tea=1, jam=1), sell(jam=1)])) == [None, None]


async def test_nobody_keeps_a_dead_hold_by_using_up_the_id_of_its_expiry(ledger: Ledger, database: Database) -> None:
    await ledger.submit(receive(tea=1))
    dead = await ledger.submit(reserve(tea=1))
    taken = Receive(id=expiry_command_id(dead.id, 1), store_id="292", lines=(Line("jam", 1),))
    assert (await ledger.submit(request(taken))).accepted
    await bury(database, dead.id)
    assert (await ledger.submit(sell(tea=1))).accepted


async def test_one_id_for_two_stores_has_one_effect(ledger: Ledger, database: Database) -> None:
    """The stores have lanes of their own, and neither lane sees what the other has not committed yet."""
    await ledger.submit_many([receive("292", tea=5), receive("304", tea=5)])  # both lanes are connected
    for _ in range(5):
        here = reserve("292", tea=1)
        there = reserve("304", id_=here.command.id, tea=1)
        assert codes(await ledger.submit_many([here, there])) == [None, Code.COMMAND_REUSED]
        one, other = await asyncio.gather(ledger.submit(there), ledger.submit(here))
        assert codes([one, other]) == [Code.COMMAND_REUSED, None]
    assert (await counters(database, "tea"))[1] == 5


async def test_a_hold_ends_once_however_many_try(ledger: Ledger, database: Database) -> None:
    await ledger.submit(receive(tea=20))
    for _ in range(10):
        held = await ledger.submit(reserve(tea=2))
        answers = await asyncio.gather(
            *(ledger.submit(what) for what in (confirm(held.id), cancel(held.id), sell(held.id, tea=1)))
        )
        assert sum(answer.accepted and answer.refusal is None for answer in answers[:2]) <= 1
    assert (await counters(database, "tea"))[1] == 0


async def test_extend_moves_the_deadline_by_the_databases_clock(ledger: Ledger) -> None:
    await ledger.submit(receive(tea=2))
    held = await ledger.submit(reserve(ttl=1, tea=2))
    longer = await ledger.submit(extend(held.id, 3600))
    assert held.reservation is not None
    assert longer.reservation is not None
    assert longer.reservation.version == 2
    assert (longer.reservation.expires_at - held.reservation.expires_at).total_seconds() > 3500


async def test_one_bad_command_harms_no_other(ledger: Ledger, database: Database) -> None:
    await ledger.submit(receive(tea=9))
    assert (await ledger.submit(sell(tea=1, receipt="R-1"))).accepted
    batch = [reserve(tea=1), sell(tea=1, receipt="R-1"), reserve(tea=1)]
    assert codes(await ledger.submit_many(batch)) == [None, Code.RECEIPT_TAKEN, None]
    assert (await counters(database, "tea"))[:2] == (8, 2)


async def test_what_the_database_refuses_is_answered_and_recorded_nowhere(ledger: Ledger, database: Database) -> None:
    await ledger.submit(receive(tea=9))
    fortune = (SaleLine("tea", 8, 2**62),)
    absurd = request(Sell(id=new_id(), store_id="292", lines=fortune))
    assert codes(await ledger.submit_many([reserve(tea=1), absurd, reserve(tea=1)])) == [None, Code.NOT_RECORDED, None]
    assert await counters(database, "tea") == (9, 2, 3)


async def test_the_answer_comes_after_the_commit(ledger: Ledger, database: Database) -> None:
    await ledger.submit(receive(tea=1))
    async with database.engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(tables.movements)) == 1


async def test_one_message_per_batch_and_store_with_the_last_state(database: Database) -> None:
    await open_shop(database)
    published: list[Outgoing] = []
    async with running_ledger(database, published) as ledger:
        await ledger.submit_many([receive(tea=9), receive("304", jam=1), reserve(tea=2), sell(tea=1)])
    messages = {out.store_id: json.decode(out.payload, type=Message) for out in published}
    assert len(published) == len(messages) == 2
    (row,) = messages["292"].stock
    assert (row.on_hand, row.reserved, row.version) == (8, 2, 3)
    assert len(messages["292"].reservations) == len(messages["292"].sales) == 1
    async with database.engine.connect() as connection:
        rows = (await connection.execute(select(tables.outbox))).all()
    assert {row.id: row.payload.encode() for row in rows} == {out.id: out.payload for out in published}


async def test_messages_tell_both_stores_of_a_transfer_and_who_looked_and_corrected(database: Database) -> None:
    await open_shop(database)
    published: list[Outgoing] = []
    async with running_ledger(database, published) as ledger:
        await ledger.submit(receive(tea=9))
        published.clear()
        move = Transfer(id=new_id(), store_id="292", to_store_id="304", lines=(Line("tea", 4),))
        count = SetStock(id=new_id(), store_id="292", product_id="tea", quantity=3, reason="counted")
        await ledger.submit_many([request(move), request(count)])
    messages = {out.store_id: out.message for out in published}
    assert [(x.on_hand_change, x.document_id) for x in messages["292"].transfers] == [(-4, "304")]
    assert [(x.on_hand_change, x.document_id) for x in messages["304"].transfers] == [(4, "292")]
    assert [(x.on_hand_change, x.on_hand, x.reason) for x in messages["292"].counts] == [(-2, 3, "counted")]
    assert messages["304"].counts == ()


async def test_two_ledgers_on_one_database_never_oversell(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        await one.submit(receive(tea=300, jam=40))
        orders = [reserve(tea=1, jam=1) if n % 5 == 0 else reserve(tea=1) for n in range(400)]
        answers = await asyncio.gather(*((one, two)[n % 2].submit(order) for n, order in enumerate(orders)))
        again = await asyncio.gather(*((two, one)[n % 2].submit(order) for n, order in enumerate(orders)))
    assert again == answers
    assert sum(answer.accepted for answer in answers) == 300
    assert (await counters(database, "tea"))[:2] == (300, 300)
    assert not (await prove(database)).drifts


async def test_the_same_commands_at_two_servers_at_once_have_one_effect(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        await one.submit(receive(tea=1000))
        orders = [reserve(tea=1) for _ in range(200)]
        answers = await asyncio.gather(*(ledger.submit(order) for order in orders for ledger in (one, two)))
    assert answers[::2] == answers[1::2]
    assert (await counters(database, "tea"))[:2] == (1000, 200)
    assert not (await prove(database)).drifts


async def test_a_lost_connection_loses_and_doubles_nothing(postgres_url: str, database: Database) -> None:
    if database.dialect == "sqlite":
        return  # a file has no connection to lose; kill -9 of the whole server is in tests/chaos
    await open_shop(database)
    kill = text("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE '%ledger'")
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=1000))
        sold = killed = 0
        for _ in range(4):
            customers = [asyncio.create_task(ledger.submit(sell(tea=1))) for _ in range(100)]
            await customers[0]
            async with database.engine.connect() as connection:
                killed += await connection.scalar(kill) or 0
            customers += [asyncio.create_task(ledger.submit(sell(tea=1))) for _ in range(100)]
            sold += sum(answer.accepted for answer in await asyncio.gather(*customers))
    assert killed >= 4
    assert sold == 800
    assert await counters(database, "tea") == (200, 0, 801)
    assert not (await prove(database)).drifts


async def test_close_settles_what_was_accepted_and_takes_no_more(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=100))
        orders = [asyncio.create_task(ledger.submit(reserve(tea=1))) for _ in range(100)]
        await asyncio.sleep(0)
        assert ledger.waiting == 100
        await ledger.close()
        assert all(answer.accepted for answer in await asyncio.gather(*orders))
        with pytest.raises(LedgerClosed):
            await ledger.submit(reserve(tea=1))


async def test_a_full_ledger_says_so_and_takes_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.ledger.lanes.MAX_WAITING", 3)
    await ledger.submit(receive(tea=100))
    with pytest.raises(LedgerFull) as full:
        await ledger.submit_many([reserve(tea=1) for _ in range(4)])
    assert full.value.retryable
    assert (await ledger.submit(reserve(tea=100))).accepted


async def test_a_caller_who_leaves_changes_nothing_for_the_others(ledger: Ledger) -> None:
    await ledger.submit(receive(tea=10))
    gone = asyncio.create_task(ledger.submit(reserve(tea=1)))
    stays = asyncio.create_task(ledger.submit(reserve(tea=1)))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await stays).accepted


async def test_an_expiry_that_came_too_early_does_not_bar_the_real_one(ledger: Ledger, database: Database) -> None:
    await ledger.submit(receive(tea=5))
    held = await ledger.submit(reserve(tea=2))
    early = request(Expire(id=expiry_command_id(held.id, 1), store_id="292", reservation_id=held.id), EXPIRY)
    assert codes([await ledger.submit(early)]) == [Code.RESERVATION_NOT_DUE]
    await bury(database, held.id)
    assert codes([await ledger.submit(early)]) == [None]
    assert await counters(database, "tea") == (5, 0, 3)


async def test_a_message_too_large_for_nats_is_sent_in_parts(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.ledger.telling.MAX_PAYLOAD", 600)
    await open_shop(database)
    published: list[Outgoing] = []
    async with running_ledger(database, published) as ledger:
        await ledger.submit_many([receive(tea=9, jam=9, milk=9), *(reserve(tea=1, jam=1) for _ in range(9))])
    messages = [json.decode(out.payload, type=Message) for out in published]
    assert len(messages) > 3
    assert {(row.product_id, row.version) for m in messages for row in m.stock} == {
        ("tea", 10),
        ("jam", 10),
        ("milk", 1),
    }
    assert len({hold.id for m in messages for hold in m.reservations}) == 9


async def test_nobody_waits_for_a_writer_that_failed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await open_shop(database)
    broken = running_ledger(database)
    ledger = await broken.__aenter__()
    monkeypatch.setattr("backend.ledger.lanes.settle", lambda _: 1 // 0)
    with pytest.raises(LedgerClosed):
        await ledger.submit(receive(tea=1))
    with pytest.raises(LedgerClosed):
        await ledger.submit(receive(tea=1))
    with pytest.raises(ZeroDivisionError):
        await broken.__aexit__(None, None, None)
