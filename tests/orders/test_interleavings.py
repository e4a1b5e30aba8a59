"""Orders in the real ledgers: handed over, cancelled and sold in any order, at two servers at once."""

import asyncio
from itertools import permutations

import pytest

from backend.database.engine import Database
from backend.ids import new_id
from backend.model.answers import Code
from backend.model.books import Request
from backend.model.commands import Line
from backend.model.verbs.order_cancel import OrderCancel
from backend.model.verbs.order_fulfil import OrderFulfil
from backend.model.verbs.order_open import OrderOpen
from backend.proof.books import prove
from tests.ledger.shop import codes, counters, open_shop, receive, request, running_ledger, sell


def opening(tea: int = 6) -> OrderOpen:
    return OrderOpen(id=new_id(), store_id="292", lines=(Line("tea", tea),))


def fulfil(order: OrderOpen, tea: int) -> Request:
    return request(OrderFulfil(id=new_id(), store_id="292", order_id=order.id, lines=(Line("tea", tea),)))


def cancel(order: OrderOpen) -> Request:
    return request(OrderCancel(id=new_id(), store_id="292", order_id=order.id))


@pytest.mark.parametrize("steps", list(permutations(("fulfil", "cancel", "sell"))), ids="-".join)
async def test_every_order_of_handing_over_cancelling_and_selling(database: Database, steps: tuple[str, ...]) -> None:
    await open_shop(database)
    order = opening()
    async with running_ledger(database) as ledger:
        assert codes(await ledger.submit_many([receive(tea=10), request(order)])) == [None, None]
        does = {"fulfil": fulfil(order, 4), "cancel": cancel(order), "sell": sell(tea=5)}
        answers = {name: await ledger.submit(does[name]) for name in steps}
        found = {name: answer.refusal.code if answer.refusal else None for name, answer in answers.items()}
    cancelled_first = steps.index("cancel") < steps.index("fulfil")
    assert found["cancel"] is None
    assert found["fulfil"] is (Code.WRONG_STATUS if cancelled_first else None)
    # The order's six units are nobody else's until it is cancelled, and then only those that are still there.
    sold = steps.index("sell") > steps.index("cancel")
    assert found["sell"] is (None if sold else Code.INSUFFICIENT_STOCK)
    left = 10 - (0 if cancelled_first else 4) - 5 * sold
    assert (await counters(database, "tea"))[0] == left
    assert not (await prove(database)).drifts


async def test_no_unit_of_an_order_is_handed_over_twice(database: Database) -> None:
    await open_shop(database)
    order = opening(6)
    async with running_ledger(database) as one, running_ledger(database) as two:
        await one.submit_many([receive(tea=20), request(order)])
        answers = await asyncio.gather(*[(one, two)[n % 2].submit(fulfil(order, 1)) for n in range(12)])
    assert sum(answer.accepted for answer in answers) == 6
    assert (await counters(database, "tea"))[0] == 14
    assert not (await prove(database)).drifts


async def test_the_proof_sees_units_that_no_order_accounts_for(database: Database) -> None:
    await open_shop(database)
    order = opening(6)
    async with running_ledger(database) as ledger:
        await ledger.submit_many([receive(tea=20), request(order)])
    async with database.writer.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM documents")
    assert {drift.what for drift in (await prove(database)).drifts} == {"allocated as the sum of open documents"}
