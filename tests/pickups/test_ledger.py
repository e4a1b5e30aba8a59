"""Pickups in the real ledgers: whatever is said at once at two servers, the hold ends once and no unit is lost."""

import asyncio
from itertools import permutations

import pytest

from backend.database.engine import Database
from backend.ids import new_id
from backend.ledger.asking import DueHold
from backend.ledger.settle import EXPIRY, expiry_ticket
from backend.model.answers import Code
from backend.model.books import Request
from backend.model.commands import Command
from backend.model.events import Outgoing
from backend.model.verbs.hold_ended import HoldEnded
from backend.pickups.following import ENDED, follow_holds
from backend.pickups.service import Pickups
from backend.proof.books import prove
from tests.ledger.shop import (
    STORES,
    bury,
    cancel,
    codes,
    confirm,
    counters,
    open_shop,
    receive,
    request,
    running_ledger,
    sell,
)
from tests.plans import compiled, plan
from tests.transfers.book import HERE, NOW, Book

from .test_rules import asking, found, missing, withdrawing


async def test_a_hold_that_many_end_at_once_ends_once(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        await one.submit(receive(HERE, tea=20))
        for _ in range(5):
            ask = asking()
            await one.submit(request(ask))
            race: list[Request] = [
                request(withdrawing(ask.id)),
                request(missing(ask.id)),
                confirm(ask.id, HERE),
                request(found(ask.id, ttl=60)),
            ]
            answers = await asyncio.gather(*[(one, two)[n % 2].submit(order) for n, order in enumerate(race)])
            ended = codes(answers)
            assert set(ended) <= {None, Code.RESERVATION_ENDED, Code.WRONG_STATUS}
            ends = [bool(answer.stock) for answer in answers]
            assert ends.count(True) == 1, "one of them moves the units, the others only say what they saw"
    on_hand, reserved, _ = await counters(database, "tea", HERE)
    assert (reserved, on_hand % 2) == (0, 0)
    assert not (await prove(database)).drifts


async def test_a_dead_pickup_gives_its_units_to_the_next_customer(database: Database) -> None:
    """Nobody came, and nobody has to say so: the units are free at the second, as those of every hold."""
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(HERE, tea=2))
        ask = asking()
        await ledger.submit(request(ask))
        assert codes([await ledger.submit(sell(store=HERE, tea=1))]) == [Code.INSUFFICIENT_STOCK]
        await bury(database, ask.id)
        assert codes([await ledger.submit(sell(store=HERE, tea=2))]) == [None]
    assert not (await prove(database)).drifts


async def test_a_pickup_says_how_its_hold_ended_and_both_stores_are_told_once(database: Database) -> None:
    await open_shop(database)
    told: list[Outgoing] = []
    async with running_ledger(database, told) as one, running_ledger(database) as two:
        await one.submit(receive(HERE, tea=20))
        asks = [asking() for _ in range(6)]
        for ask in asks:
            await one.submit(request(ask))
        sold, cancelled, dead, gone, kept, live = [ask.id for ask in asks]
        await bury(database, dead)
        for order in (
            sell(sold, store=HERE, tea=1),
            cancel(cancelled, HERE),
            Request(expiry_ticket(DueHold(dead, HERE, 1)).request.command, EXPIRY),
            request(missing(gone)),
            request(missing(kept, keep=True)),
        ):
            assert codes([await one.submit(order)]) == [None]
        told.clear()
        assert sum(await asyncio.gather(follow_holds(database, one), follow_holds(database, two))) >= 3
        assert await follow_holds(database, one) == 0
        pickups = Pickups(database, one)
        found_ = {id_: (await pickups.pickup(id_)).status for id_ in (sold, cancelled, dead, gone, kept, live)}
    assert list(found_.values()) == ["collected", "cancelled", "expired", "missing", "missing", "asked"]
    stores = {(out.message.store_id, x.status) for out in told for x in out.message.documents}
    assert stores <= {(store, status) for store in STORES for status in ("collected", "cancelled", "expired")}
    assert not (await prove(database)).drifts


async def test_the_pickups_at_work_are_found_by_their_index(database: Database) -> None:
    await open_shop(database)
    assert "ix_documents_pickups" in await plan(database, *compiled(database, ENDED, {"limit": 10}))


@pytest.mark.parametrize("keep", [True, False])
def test_every_order_of_what_the_two_stores_say(keep: bool) -> None:
    """The units are held, or free, or sold; never two of these at once."""
    for order in permutations(range(5)):
        book = Book(tea=5)
        ask = asking(units=2)
        book.send(ask)
        says: list[Command] = [
            found(ask.id),
            missing(ask.id, keep),
            withdrawing(ask.id),
            sell(ask.id, store=HERE, tea=2).command,
            HoldEnded(id=new_id(), store_id=HERE, pickup_id=ask.id),
        ]
        for number in order:
            book.send(says[number], at=NOW)
            row, hold = book.row(HERE), book.books.reservations[ask.id]
            assert row.reserved == (2 if hold.is_live(NOW) else 0)
            assert row.available >= 0
        assert book.row(HERE).on_hand == 3
