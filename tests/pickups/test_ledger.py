"""Pickups in the real ledgers: whatever is said at once at two servers, the hold ends once and no unit is lost."""

import asyncio
from itertools import permutations

import pytest

from backend.database.engine import Database
from backend.model.answers import Code
from backend.model.books import Request
from backend.model.commands import Command
from backend.proof.books import prove
from tests.ledger.shop import bury, codes, confirm, counters, open_shop, receive, request, running_ledger, sell
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


@pytest.mark.parametrize("keep", [True, False])
def test_every_order_of_what_the_two_stores_say(keep: bool) -> None:
    """The units are held, or free, or sold; never two of these at once."""
    for order in permutations(range(4)):
        book = Book(tea=5)
        ask = asking(units=2)
        book.send(ask)
        says: list[Command] = [
            found(ask.id),
            missing(ask.id, keep),
            withdrawing(ask.id),
            sell(ask.id, store=HERE, tea=2).command,
        ]
        for number in order:
            book.send(says[number], at=NOW)
            row, hold = book.row(HERE), book.books.reservations[ask.id]
            assert row.reserved == (2 if hold.is_live(NOW) else 0)
            assert row.available >= 0
        assert book.row(HERE).on_hand == 3
