"""Counts and receipts in the real ledgers: both databases, one batch, two servers; the proof stands after each."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import json, structs

from backend.database.engine import Database
from backend.ids import new_id
from backend.ledger.lanes import Ledger
from backend.model.answers import Answer
from backend.model.commands import Command
from backend.model.counts import CountBody, CountStatus, LineBody, Why
from backend.model.events import Message, Outgoing
from backend.model.purchases import ExpectedLine, PurchaseStatus, ReceivedLine
from backend.model.stock import Who
from backend.proof.books import prove
from tests.ledger.shop import codes, counters, open_shop, receive, request, reserve, running_ledger, sell
from tests.receiving.test_rules import blind, delivery, ending, ordering

from .shelf import opening, posting, scanning, selling


@pytest.fixture
async def ledger(database: Database) -> AsyncIterator[Ledger]:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=10, jam=4))
        yield ledger
    assert not (await prove(database)).drifts


async def send(ledger: Ledger, *commands: Command, who: str = "ana") -> list[Answer]:
    answers = await ledger.submit_many([request(command, Who(who, "T1")) for command in commands])
    assert codes(answers) == [None] * len(commands)
    return answers


async def test_a_scan_a_sale_and_the_posting_in_one_batch(ledger: Ledger, database: Database) -> None:
    count = opening("tea")
    await send(ledger, count)
    now = datetime.now(UTC)
    late = selling(2, made_at=now - timedelta(minutes=5))
    answers = await send(ledger, scanning(count.id, 7), selling(3), late, posting(count.id))
    assert answers[-1].documents[0].status == CountStatus.POSTED
    assert (await counters(database, "tea"))[0] == 4
    assert await send(ledger, posting(count.id)) != answers[-1:]
    assert (await counters(database, "tea"))[0] == 4


async def test_what_was_recorded_between_scan_and_posting_is_read_from_the_database(
    ledger: Ledger, database: Database
) -> None:
    count = opening("tea", "jam")
    await send(ledger, count)
    before = datetime.now(UTC)
    await send(ledger, scanning(count.id, 7))
    await send(ledger, scanning(count.id, 5, "jam"))
    await send(ledger, selling(3))
    await send(ledger, selling(2, made_at=before - timedelta(seconds=5)))
    await send(ledger, posting(count.id, "tea", "jam"))
    assert [(await counters(database, p))[0] for p in ("tea", "jam")] == [4, 5]
    await send(ledger, selling(1, made_at=before - timedelta(seconds=5)))
    await send(ledger, posting(count.id))
    assert (await counters(database, "tea"))[0] == 4, "one of those missing was sold before the scan"


async def test_a_counter_without_network_counts_an_older_version(ledger: Ledger, database: Database) -> None:
    count = opening("tea")
    await send(ledger, count)
    await send(ledger, selling(2))
    await send(ledger, scanning(count.id, 9, as_of=1))
    await send(ledger, posting(count.id))
    assert (await counters(database, "tea"))[0] == 7


async def test_two_servers_count_one_product_at_once(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        await one.submit(receive(tea=60))
        count = opening("tea")
        await send(one, count)
        await asyncio.gather(*[send((one, two)[n % 2], scanning(count.id, 5), who=f"counter{n}") for n in range(12)])
        (answer,) = await send(one, posting(count.id))
        assert answer.documents[1].read(LineBody).counted == 60
        assert answer.documents[0].read(CountBody).lines == 1
    assert (await counters(database, "tea"))[0] == 60
    assert not (await prove(database)).drifts


async def test_sales_at_two_servers_while_a_count_is_posted(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        await one.submit(receive(tea=100))
        count = opening("tea")
        await send(one, count)
        await send(one, scanning(count.id, 98))
        sales = [(one, two)[n % 2].submit(sell(tea=1)) for n in range(30)]
        await asyncio.gather(*sales, *[send(server, posting(count.id)) for server in (one, two)])
    assert (await counters(database, "tea"))[0] == 68
    assert not (await prove(database)).drifts


async def test_a_count_below_what_is_held_waits_for_a_recount(ledger: Ledger, database: Database) -> None:
    count = opening("tea")
    await send(ledger, count)
    assert (await ledger.submit(reserve(tea=9))).accepted
    await send(ledger, scanning(count.id, 5))
    (answer,) = await send(ledger, posting(count.id))
    assert answer.documents[1].read(LineBody).why is Why.HELD
    assert (await counters(database, "tea"))[:2] == (10, 9)


async def test_a_count_and_a_purchase_are_told(database: Database) -> None:
    await open_shop(database)
    published: list[Outgoing] = []
    async with running_ledger(database, published) as ledger:
        await ledger.submit(receive(tea=10))
        count, purchase = opening("tea"), ordering(ExpectedLine("tea", 6))
        await send(ledger, count)
        published.clear()
        await send(ledger, scanning(count.id, 8), posting(count.id), purchase)
    message = json.decode(published[-1].payload, type=Message)
    assert [(m.kind, m.on_hand_change) for m in message.counts] == [("count", -2)]
    assert [(m.kind, m.incoming_change) for m in message.movements] == [("purchase_due", 6)]
    assert {document.kind for document in message.documents} == {"count", "count_line", "purchase"}
    assert [row.incoming for row in message.stock] == [6]


async def test_receipts_in_one_batch(ledger: Ledger, database: Database) -> None:
    purchase = ordering(ExpectedLine("tea", 6, 80), ExpectedLine("jam", 2))
    await send(ledger, purchase)
    answers = await send(
        ledger,
        delivery(purchase.id, ReceivedLine("tea", good=2, damaged=1)),
        delivery(purchase.id, ReceivedLine("tea", good=5)),
        blind(ReceivedLine("jam", good=1)),
        ending(purchase.id),
    )
    assert answers[-1].documents[0].status == PurchaseStatus.CLOSED
    assert [(await counters(database, p))[0] for p in ("tea", "jam")] == [18, 5]


async def test_one_of_two_servers_ends_a_purchase_while_it_is_received(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        for _ in range(8):
            purchase = ordering(ExpectedLine("tea", 6))
            await send(one, purchase)
            commands = [delivery(purchase.id, ReceivedLine("tea", good=4)), ending(purchase.id)]
            race = [
                server.submit(request(structs.replace(command, id=new_id())))
                for server, command in zip((one, two), commands, strict=True)
            ]
            answers = await asyncio.gather(*race)
            assert set(codes(answers)) <= {None, "wrong_status"}
            assert not (await prove(database)).drifts
