"""Transfers in the real ledgers: two stores, two servers, many at once; the proof compares documents and movements."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from msgspec import json
from sqlalchemy import delete, text

from backend.database import tables
from backend.database.engine import Database
from backend.ids import new_id
from backend.ledger.lanes import Ledger
from backend.model.answers import Answer, Code
from backend.model.commands import Command
from backend.model.discrepancies import CaseOutcome
from backend.model.events import Message, Outgoing
from backend.model.transfers import TransferBody
from backend.model.verbs.transfer_cancel import InFlight
from backend.proof.books import prove
from tests.ledger.shop import codes, counters, open_shop, receive, request, running_ledger, sell

from .book import HERE, THERE, asking, cancelling, closing, opening, packing, receiving, settling, shipping


@pytest.fixture
async def ledger(database: Database) -> AsyncIterator[Ledger]:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=10, jam=4))
        yield ledger
    assert not (await prove(database)).drifts


async def send(ledger: Ledger, *commands: Command) -> list[Answer]:
    return await ledger.submit_many([request(command) for command in commands])


async def shipped(ledger: Ledger, **units: int) -> UUID:
    transfer = asking(units)
    assert codes(await send(ledger, transfer, packing(transfer.id), shipping(transfer.id))) == [None] * 3
    return transfer.id


async def test_all_steps_in_one_batch(ledger: Ledger, database: Database) -> None:
    """Each step needs the document that the one before it wrote."""
    transfer = opening(by=THERE, tea=6, jam=1)
    receipt = receiving(transfer.id, good=3, damaged=1)
    close = closing(transfer.id)
    settle = settling(close.id, transfer.id, CaseOutcome.RETURNED, HERE, tea=1)
    write_off = settling(close.id, transfer.id, CaseOutcome.LOST, THERE)
    steps = [transfer, packing(transfer.id), shipping(transfer.id), receipt, close, settle, write_off]
    answers = await send(ledger, *steps)
    assert codes(answers) == [None] * 7
    body = answers[-1].documents[1].read(TransferBody)
    assert [(x.product_id, x.sent, x.received, x.damaged, x.returned, x.lost) for x in body.lines] == [
        ("tea", 6, 3, 1, 1, 1),
        ("jam", 1, 0, 0, 0, 1),
    ]
    assert (await counters(database, "tea"))[0] == 5
    assert (await counters(database, "tea", THERE))[0] == 4
    assert await send(ledger, *steps) == answers, "the same ids get the same answers"


async def test_both_stores_hear_of_every_step(database: Database) -> None:
    await open_shop(database)
    published: list[Outgoing] = []
    async with running_ledger(database, published) as ledger:
        await ledger.submit(receive(tea=9))
        transfer = await shipped(ledger, tea=4)
        published.clear()
        await send(ledger, receiving(transfer, good=3, missing=1))
    messages = [json.decode(out.payload, type=Message) for out in published]
    told = {message.store_id: message for message in messages}
    assert {store: [x.kind for x in told[store].documents] for store in told} == {
        HERE: ["transfer", "discrepancy"],
        THERE: ["transfer", "discrepancy"],
    }
    assert [m.kind for m in told[THERE].transfers] == ["transfer_receive"]
    assert [(row.on_hand, row.incoming) for row in told[THERE].stock] == [(3, 1)]


async def test_one_of_two_servers_receives_and_the_other_is_told(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        await one.submit(receive(tea=10))
        transfer = await shipped(one, tea=6)
        answers = await asyncio.gather(
            *[send((one, two)[n % 2], receiving(transfer, good=2, damaged=1)) for n in range(6)]
        )
        assert sorted(map(str, codes([answer for (answer,) in answers]))) == [
            "None",
            "None",
            *["wrong_status"] * 4,
        ]
    assert (await counters(database, "tea", THERE))[0] == 6
    assert not (await prove(database)).drifts


@pytest.mark.parametrize("in_flight", list(InFlight))
async def test_receipts_against_cancelling_at_two_servers(database: Database, in_flight: InFlight) -> None:
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        await one.submit(receive(tea=60))
        for _ in range(6):
            transfer = await shipped(one, tea=5)
            race: list[Command] = [
                receiving(transfer, good=2),
                cancelling(transfer, in_flight),
                receiving(transfer, good=1, damaged=1),
                closing(transfer),
            ]
            answers = await asyncio.gather(*[send((one, two)[n % 2], command) for n, command in enumerate(race)])
            assert set(codes([answer for (answer,) in answers])) <= {None, Code.WRONG_STATUS, Code.MORE_THAN_OPEN}
    assert not (await prove(database)).drifts


async def test_pain_13_transfers_in_both_directions_and_sales_end_and_lose_nothing(database: Database) -> None:
    """Different items, opposite directions, two servers: no command is dropped, and none waits for ever."""
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        await one.submit_many([receive(tea=40, jam=40), receive(THERE, tea=40, jam=40)])
        answers = await asyncio.gather(*[_journey((one, two), number) for number in range(12)])
        assert {code for some in answers for code in codes(some)} <= {None, Code.INSUFFICIENT_STOCK}
    async with database.engine.connect() as connection:
        left = await connection.scalar(text("SELECT sum(incoming) + sum(allocated) FROM stock"))
    assert left == 0
    proof = await prove(database)
    assert proof.units_on_hand == 160 - proof.units_sold
    assert not proof.drifts


async def _journey(servers: tuple[Ledger, Ledger], number: int) -> list[Answer]:
    """A transfer whose steps are sent to both servers in turn, with sales in between."""
    there, back = (HERE, THERE) if number % 2 else (THERE, HERE)
    units = {"tea": 2, "jam": 1} if number % 3 else {"jam": 1, "tea": 2}
    transfer = asking(units, there, there, back)
    answers: list[Answer] = []
    for turn, step in enumerate([transfer, packing(transfer.id, there), shipping(transfer.id, there)]):
        answers += await send(servers[turn % 2], step)
        answers += await servers[number % 2].submit_many([sell(store=(HERE, THERE)[turn % 2], tea=1, jam=1)])
    answers += await send(servers[1], receiving(transfer.id, "tea", good=2, by=back))
    answers += await send(servers[0], receiving(transfer.id, "jam", good=1, by=back))
    return answers


async def test_pain_4_units_are_not_blocked_for_ever(ledger: Ledger, database: Database) -> None:
    """What is packed or on its way belongs to a document that is in a list and can be ended by one act."""
    packed = opening(tea=6)
    await send(ledger, packed, packing(packed.id))
    assert codes([await ledger.submit(sell(tea=5))]) == [Code.INSUFFICIENT_STOCK]
    await send(ledger, cancelling(packed.id))
    assert codes([await ledger.submit(sell(tea=5))]) == [None]
    transfer = await shipped(ledger, tea=3)
    await send(ledger, cancelling(transfer, InFlight.RESTOCK))
    assert codes([await ledger.submit(sell(tea=5))]) == [None]


async def falsified(database: Database, *statements: str) -> set[str]:
    """What the proof finds of a shipped and partly received transfer after `statements`."""
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=10))
        transfer = await shipped(ledger, tea=6)
        await send(ledger, receiving(transfer, good=2, damaged=1))
    assert not (await prove(database)).drifts
    async with database.writer.begin() as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)
    return {drift.what.replace(str(transfer), "ID") for drift in (await prove(database)).drifts}


async def test_the_proof_sees_a_document_that_says_something_else(database: Database) -> None:
    body = "UPDATE documents SET body = replace(body, '\"received\":2', '\"received\":3')"
    assert await falsified(database, body) == {
        "on_hand moved by transfer_receive of transfer ID",
        "incoming moved by transfer_receive of transfer ID",
        "incoming as the sum of open documents",
    }


async def test_the_proof_sees_units_that_were_both_sent_and_returned_on_paper(database: Database) -> None:
    """Sent and returned in one line cancel out in every balance; the movements tell them apart."""
    changed = "UPDATE documents SET body = replace(body, '\"{0}\":{1}', '\"{0}\":{2}')"
    sent = (changed.format("sent", 6, 7), changed.format("returned", 0, 1))
    assert await falsified(database, *sent) == {
        "on_hand moved by transfer_ship of transfer ID",
        "incoming moved by transfer_due of transfer ID",
        "on_hand moved by transfer_return of transfer ID",
        "incoming moved by transfer_recall of transfer ID",
    }


async def test_the_proof_sees_movements_whose_document_is_gone(database: Database) -> None:
    drifts = await falsified(database, "DELETE FROM documents")
    assert "documents that movements of kind transfer_ship name as ID" in drifts
    assert "incoming as the sum of open documents" in drifts


async def test_what_may_be_archived_is_not_held_to_its_document(database: Database) -> None:
    """The oldest movements of a transfer may be in a file, so its sums say nothing any more."""
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=10))
        await shipped(ledger, tea=6)
    old = (
        "INSERT INTO archives (until, file_name, sha256, movements, archived_at)"
        " VALUES ('2100-01-01 00:00:00.000000', 'x', 'x', 0, '2100-01-01 00:00:00.000000')"
    )
    async with database.writer.begin() as connection:
        await connection.execute(text(old))
        await connection.execute(delete(tables.documents))
    assert not [d for d in (await prove(database)).drifts if "moved by" in d.what or "documents that" in d.what]


async def test_a_document_is_read_again_when_another_server_was_first(database: Database) -> None:
    """Packing in parts at two servers at once: the last one counts, and the shelf agrees with the document."""
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        await one.submit(receive(tea=10))
        transfer = opening(tea=9)
        await send(one, transfer)
        packs = [send((one, two)[n % 2], packing(transfer.id, tea=1 + n)) for n in range(8)]
        assert {code for some in await asyncio.gather(*packs) for code in codes(some)} == {None}
        await send(two, shipping(transfer.id))
    assert not (await prove(database)).drifts


async def test_strangers_and_unknown_ids_are_refused(ledger: Ledger) -> None:
    transfer = await shipped(ledger, tea=1)
    (unknown,) = await send(ledger, packing(new_id()))
    (stranger,) = await send(ledger, closing(transfer, by="777"))
    assert codes([unknown, stranger]) == [Code.UNKNOWN_DOCUMENT] * 2
