"""Every order of the steps of a transfer against sales, and of receipts against cancelling: no unit gets lost."""

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from uuid import UUID

import pytest

from backend.ids import new_id
from backend.model.commands import Command, SaleLine
from backend.model.discrepancies import CaseOutcome
from backend.model.verbs.adjust import Adjust
from backend.model.verbs.sell import Sell
from backend.model.verbs.transfer_cancel import InFlight

from .book import HERE, THERE, Book, cancelling, closing, opening, packing, receiving, settling, shipping
from .conservation import assert_conserved, in_transit, on_hand

UNITS = 6


def merged(one: Sequence[Command], other: Sequence[Command]) -> Iterator[list[Command]]:
    """Every order of both that keeps the order within each."""
    together = len(one) + len(other)
    for places in combinations(range(together), len(one)):
        left, right = iter(one), iter(other)
        yield [next(left) if place in places else next(right) for place in range(together)]


def selling(store_id: str, units: int) -> Sell:
    return Sell(id=new_id(), store_id=store_id, lines=(SaleLine("tea", units, 100),))


def adjusting(store_id: str, units: int) -> Adjust:
    return Adjust(id=new_id(), store_id=store_id, product_id="tea", adjustment=units, reason="count")


def play(commands: Sequence[Command]) -> Book:
    """Sends all of them and looks at the books after each."""
    book, units = Book(tea=UNITS, jam=0), UNITS
    for command in commands:
        accepted = book.send(command).answer.accepted
        if accepted and isinstance(command, Sell):
            units -= command.lines[0].quantity
        if accepted and isinstance(command, Adjust):
            units += command.adjustment
        assert_conserved(book, units)
    return book


def test_every_order_of_a_transfer_against_sales_and_a_count() -> None:
    transfer = opening(tea=4)
    steps = [
        transfer,
        packing(transfer.id),
        shipping(transfer.id),
        receiving(transfer.id, good=2),
        receiving(transfer.id, good=1, damaged=1),
    ]
    trade = [selling(HERE, 2), selling(THERE, 1), adjusting(HERE, -2), selling(THERE, 2), selling(HERE, 1)]
    ends = {(book.status(transfer.id), on_hand(book)) for book in map(play, merged(steps, trade))}
    # Packed before the shelf was empty it arrives whole; else it is refused like a sale, and nothing of it moves.
    assert {status for status, _ in ends} == {"draft", "received"}


def test_every_order_of_a_request_that_is_packed_in_part_and_packed_again() -> None:
    transfer = opening(by=THERE, tea=6)
    steps = [transfer, packing(transfer.id, tea=5), packing(transfer.id, tea=3), shipping(transfer.id)]
    trade = [selling(HERE, 3), selling(HERE, 2), adjusting(HERE, 2)]
    for order in merged(steps, trade):
        play(order)


ENDS = ["receive", "receive_bad", "restock", "write_off", "close"]


def ending(how: str, transfer: UUID) -> Command:
    return {
        "receive": receiving(transfer, good=2),
        "receive_bad": receiving(transfer, good=1, damaged=1, missing=1),
        "restock": cancelling(transfer, InFlight.RESTOCK),
        "write_off": cancelling(transfer, InFlight.WRITE_OFF),
        "close": closing(transfer),
    }[how]


@pytest.mark.parametrize("first", ENDS)
def test_every_order_of_receipts_against_cancelling_and_closing(first: str) -> None:
    """Whatever comes first, each unit is said to be somewhere once; what the rest says too late is refused."""
    for rest in permutations([how for how in ENDS if how != first]):
        transfer = opening(tea=5)
        steps = [transfer, packing(transfer.id), shipping(transfer.id)]
        book = play([*steps, *[ending(how, transfer.id) for how in (first, *rest)]])
        assert book.status(transfer.id) in ("received", "cancelled")
        assert book.line(transfer.id).open == 0
        cases = [x.id for x in book.books.documents.values() if x.kind == "discrepancy"]
        for number, case in enumerate(cases):
            outcome, by = ((CaseOutcome.FOUND, THERE), (CaseOutcome.RETURNED, HERE))[number % 2]
            assert book.send(settling(case, transfer.id, outcome, by)).answer.accepted
            assert_conserved(book, UNITS)
        assert in_transit(book) == 0


@pytest.mark.parametrize("before", [0, 1, 2])
def test_every_order_of_cancelling_before_the_goods_leave(before: int) -> None:
    """Shipping and cancelling exclude each other: exactly one of them is accepted once the goods are packed."""
    transfer = opening(tea=5)
    prepared = [transfer, packing(transfer.id)]
    for order in permutations([shipping(transfer.id), cancelling(transfer.id), *prepared[2 - before :]]):
        book = play([*prepared[: 2 - before], *order])
        assert (book.status(transfer.id) == "cancelled") <= (in_transit(book) == 0)
