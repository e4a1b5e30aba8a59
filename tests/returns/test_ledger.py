"""Returns and voids in the real ledgers: two servers at once, and a proof that sees falsified money."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import pytest
from msgspec import json
from sqlalchemy import select, text

from backend.database import tables
from backend.database.engine import Database
from backend.ids import new_id, returned_id
from backend.ledger.lanes import Ledger
from backend.ledger.rows import document_of
from backend.model.answers import Answer, Code
from backend.model.commands import Command, LinePricing, SaleLine, Tax
from backend.model.events import Message, Outgoing
from backend.model.returns import ReturnedBody, ReturnLine
from backend.model.tenders import Tender
from backend.model.verbs.return_goods import GoodsLine, ReturnGoods
from backend.proof.books import prove
from tests.ledger.shop import codes, counters, open_shop, receive, request, running_ledger, sell

from .book import CARD, CASH, DAMAGED, STORE, returning, selling, voiding


@pytest.fixture
async def ledger(database: Database) -> AsyncIterator[Ledger]:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=50, jam=9))
        yield ledger
    assert not (await prove(database)).drifts


async def send(ledger: Ledger, *commands: Command) -> list[Answer]:
    return await ledger.submit_many([request(command) for command in commands])


async def sold(ledger: Ledger, *lines: SaleLine, tenders: tuple[Tender, ...] | None = None) -> UUID:
    command = selling(*lines, tenders=tenders)
    assert codes(await send(ledger, command)) == [None]
    return command.id


async def returned(database: Database, sale: UUID) -> ReturnedBody:
    query = select(tables.documents).where(tables.documents.c.id == returned_id(sale))
    async with database.engine.connect() as connection:
        return document_of(tuple((await connection.execute(query)).one())).read(ReturnedBody)


async def tendered(database: Database) -> list[tuple[str, int]]:
    t = tables.tenders.c
    async with database.engine.connect() as connection:
        rows = await connection.execute(select(t.kind, t.amount_cents).order_by(t.at, t.number))
        return [(row.kind, row.amount_cents) for row in rows]


async def test_a_sale_with_all_its_money_is_stored_returned_and_told(database: Database) -> None:
    await open_shop(database)
    published: list[Outgoing] = []
    async with running_ledger(database, published) as ledger:
        await ledger.submit(receive(tea=5))
        line = SaleLine("tea", 2, 450, LinePricing(500, "dented", Tax(2100, 189, included=False)))
        sale = await sold(ledger, line, tenders=(Tender(CASH, 1000, given_cents=1100), Tender(CARD, 89, reference="A")))
        published.clear()
        (answer,) = await send(ledger, returning(sale, ReturnLine(1, 1, DAMAGED), by=CARD))
        assert answer.accepted
    (message,) = [json.decode(out.payload, type=Message) for out in published]
    assert [document.kind for document in message.documents] == ["returned"]
    assert [(m.kind, m.on_hand_change, m.unavailable_change) for m in message.movements] == [("return", 1, 1)]
    assert await tendered(database) == [("cash", 1000), ("card", 89), ("card", -544)]
    assert not (await prove(database)).drifts


async def test_a_sale_and_its_return_in_one_batch(ledger: Ledger, database: Database) -> None:
    """The return needs the lines of a sale that is not written yet."""
    sale = selling(SaleLine("tea", 3, 300))
    back = [returning(sale.id, ReturnLine(1, 2)), returning(sale.id, ReturnLine(1, 2)), voiding(sale.id)]
    answers = await send(ledger, sale, *back)
    assert codes(answers) == [None, None, Code.MORE_THAN_SOLD, Code.SALE_RETURNED]
    assert await send(ledger, sale, *back) == answers, "the same ids get the same answers"
    assert (await counters(database, "tea"))[0] == 49


async def test_two_first_returns_in_one_batch_open_one_document(ledger: Ledger, database: Database) -> None:
    sale = await sold(ledger, SaleLine("tea", 3, 300), SaleLine("jam", 1, 200))
    answers = await send(ledger, returning(sale, ReturnLine(1, 1)), returning(sale, ReturnLine(2, 1)))
    assert codes(answers) == [None, None]
    assert [line.returned for line in (await returned(database, sale)).lines] == [1, 1]


async def test_another_stores_sale_is_unknown(ledger: Ledger) -> None:
    sale = await sold(ledger, SaleLine("tea", 3, 300))
    answers = await send(ledger, returning(sale, ReturnLine(1, 1), store="304"), voiding(sale, store="304"))
    assert codes(answers) == [Code.UNKNOWN_SALE] * 2
    assert codes(await send(ledger, returning(new_id(), ReturnLine(1, 1)))) == [Code.UNKNOWN_SALE]


async def test_goods_without_a_receipt(ledger: Ledger, database: Database) -> None:
    lines = (GoodsLine("tea", 2, 300, DAMAGED), GoodsLine("jam", 1, 200))
    goods = ReturnGoods(
        id=new_id(), store_id=STORE, lines=lines, approved_by="luis", reason="a present", refund_by=CASH
    )
    (answer,) = await send(ledger, goods)
    assert answer.accepted
    assert [(row.on_hand, row.unavailable) for row in answer.stock] == [(52, 2), (10, 0)]
    assert await tendered(database) == [("cash", -800)]


async def test_concurrent_returns_bring_back_exactly_the_sold_units(database: Database) -> None:
    """Return against return at two servers, from the first one on, which opens the document."""
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        await one.submit(receive(tea=100))
        for _ in range(4):
            sale = await sold(one, SaleLine("tea", 5, 300), tenders=(Tender(CASH, 1500),))
            race = [returning(sale, ReturnLine(1, 1)) for _ in range(8)]
            answers = await asyncio.gather(*[send((one, two)[n % 2], command) for n, command in enumerate(race)])
            got = codes([answer for (answer,) in answers])
            assert sorted(map(str, got)) == ["None"] * 5 + ["more_than_sold"] * 3
            assert (await returned(database, sale)).refunded_cents == 1500
    assert (await counters(database, "tea"))[0] == 100
    assert not (await prove(database)).drifts


async def test_returns_against_a_void_and_sales_at_two_servers(database: Database) -> None:
    """Either the void takes all back or the returns do; sales of the same product go on in between."""
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        await one.submit(receive(tea=40))
        for _ in range(4):
            sale = await sold(one, SaleLine("tea", 2, 300), tenders=(Tender(CARD, 600),))
            race: Sequence[Command] = [
                returning(sale, ReturnLine(1, 1)),
                voiding(sale),
                selling(SaleLine("tea", 1, 300)),
                returning(sale, ReturnLine(1, 1)),
                voiding(sale),
            ]
            answers = await asyncio.gather(*[send((one, two)[n % 2], command) for n, command in enumerate(race)])
            back, void, sale_code, again, twice = codes([answer for (answer,) in answers])
            assert sale_code is None
            by_void = (void, twice).count(None)
            assert by_void == (0 if back is None or again is None else 1)
            assert by_void or (back, again) == (None, None)
            body = await returned(database, sale)
            assert (body.lines[0].returned, body.refunded_cents) == (2, 600)
    assert (await counters(database, "tea"))[0] == 36
    assert not (await prove(database)).drifts


async def test_pain_double_click_doubles_a_payment(ledger: Ledger, database: Database) -> None:
    """Sent twice, from both hands at once and again later, a payment is taken once and a refund given once."""
    sale = selling(SaleLine("tea", 1, 300), tenders=(Tender(CASH, 300, given_cents=500),))
    twice = await asyncio.gather(send(ledger, sale), send(ledger, sale))
    assert twice[0] == twice[1]
    back = returning(sale.id, ReturnLine(1, 1))
    answers = await asyncio.gather(send(ledger, back), send(ledger, back), send(ledger, back))
    assert answers[0] == answers[1] == answers[2] == await send(ledger, back)
    assert await tendered(database) == [("cash", 300), ("cash", -300)]


async def test_pain_5_an_offline_sale_and_its_return_come_again_on_reconnect(database: Database) -> None:
    """The terminal sends all it has once more, to another server: nothing is doubled, every answer is the first."""
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        await one.submit(receive(tea=9))
        sale = selling(SaleLine("tea", 2, 300), tenders=(Tender(CASH, 600),))
        queue: list[Command] = [sale, returning(sale.id, ReturnLine(1, 1)), selling(SaleLine("tea", 1, 300))]
        first = await send(one, *queue)
        assert codes(first) == [None, None, None]
        assert await send(two, *queue) == first
        assert await send(one, *queue[1:]) == first[1:]
    assert (await counters(database, "tea"))[0] == 7
    assert await tendered(database) == [("cash", 600), ("cash", -300)]


async def test_the_proof_finds_a_return_that_is_not_of_its_receipt(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=9))
        sale = await sold(ledger, SaleLine("tea", 3, 300), SaleLine("tea", 2, 300))
        await send(ledger, returning(sale, ReturnLine(2, 1)))
    assert not (await prove(database)).drifts
    for falsified in ('"sold":3', '"sold":2'):
        async with database.writer.begin() as connection:
            forge = text("UPDATE documents SET body = replace(body, :was, :now) WHERE kind = 'returned'")
            await connection.execute(forge, {"was": falsified, "now": '"sold":4'})
        drifts = (await prove(database)).drifts
        assert [(x.product_id, x.expected, x.found) for x in drifts if "units sold by line" in x.what][-1] == (
            "tea",
            int(falsified[-1]),
            4,
        )


@pytest.mark.parametrize(
    ("falsified", "found"),
    [
        ("UPDATE tenders SET amount_cents = 301 WHERE amount_cents = 300", "cents of tenders of sale"),
        ("UPDATE tenders SET amount_cents = -400 WHERE amount_cents = -300", "cents at most refunded of sale"),
        ("UPDATE sales SET total_cents = 299 WHERE total_cents = 300", "cents of sale"),
        ("UPDATE sale_line_pricing SET tax_included = NOT tax_included", "cents of sale"),
    ],
)
async def test_the_proof_finds_falsified_money(database: Database, falsified: str, found: str) -> None:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=9))
        line = SaleLine("tea", 1, 300, LinePricing(tax=Tax(2100, 52)))
        sale = await sold(ledger, line, tenders=(Tender(CASH, 300),))
        assert (await ledger.submit(sell(tea=1))).accepted
        await send(ledger, returning(sale, ReturnLine(1, 1)))
    assert not (await prove(database)).drifts
    async with database.writer.begin() as connection:
        await connection.execute(text(falsified))
    drifts = (await prove(database)).drifts
    assert any(drift.what.startswith(found) for drift in drifts), drifts
