"""Every order of the steps of a count against sales, holds and receipts: the books end as the shelf really is.

The shelf is modelled beside the books. Units vanish before the count begins; what a step takes from or puts on the
shelf happens when the step happens, and an offline sale happens long before its command comes.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.model.counts import CountStatus

from .shelf import Shop, opening, posting, receiving, reserving, scanning, selling

STEPS = ("open", "scan", "post")


def merged(one: Sequence[str], other: Sequence[str]) -> Iterator[list[str]]:
    """Every order of both that keeps the order within each."""
    together = len(one) + len(other)
    for places in combinations(range(together), len(one)):
        left, right = iter(one), iter(other)
        yield [next(left) if place in places else next(right) for place in range(together)]


class Day:
    """A shop of which some units have vanished, and the shelf that a counter sees."""

    def __init__(self, books: int, lost: int) -> None:
        self.shop = Shop(tea=books)
        self.shelf = books - lost
        self.count = opening("tea")
        self.hold = reserving(1)
        self.offline: list[datetime] = []

    def do(self, step: str) -> None:
        """Does one step, on the shelf and in the books."""
        shop = self.shop
        match step:
            case "open":
                shop.accept(self.count)
            case "scan":
                shop.accept(scanning(self.count.id, self.shelf))
            case "post":
                shop.accept(posting(self.count.id))
            case "sell":
                shop.accept(selling(1))
                self.shelf -= 1
            case "receive":
                shop.accept(receiving(3))
                self.shelf += 3
            case "hold":
                shop.accept(self.hold)
            case "take":
                shop.accept(selling(1, hold=self.hold.id))
                self.shelf -= 1
            case "sell offline":  # nobody hears of it yet
                self.offline.append(shop.now + timedelta(seconds=30))
                self.shelf -= 1
            case "tell":
                shop.accept(selling(1, made_at=self.offline.pop(0)))

    def settled(self) -> None:
        """Posts until nothing more is found; then the books must be the shelf."""
        status = self.shop.document(self.count.id).status
        assert status == CountStatus.POSTED
        self.do("post")
        assert self.shop.row().on_hand == self.shelf


@pytest.mark.parametrize("lost", [0, 1, 2, -1])
@pytest.mark.parametrize(
    "trade",
    [
        ("sell", "receive", "sell", "sell"),
        ("hold", "sell", "take", "receive"),
        ("sell offline", "sell", "tell", "receive"),
        ("sell offline", "sell offline", "tell", "tell"),
        ("hold", "sell offline", "take", "tell"),
    ],
)
def test_every_order_of_a_count_against_sales_holds_and_receipts(trade: Sequence[str], lost: int) -> None:
    orders = list(merged(STEPS, trade))
    assert len(orders) == 35
    for order in orders:
        day = Day(10, lost)
        for step in order:
            day.do(step)
        day.settled()
        assert day.shop.counted(day.count.id) == -lost, order


@settings(max_examples=60, deadline=None)
@given(
    lost=st.integers(-3, 5),
    trade=st.lists(st.sampled_from(["sell", "receive", "sell offline", "tell"]), max_size=14),
    at=st.lists(st.integers(0, 14), min_size=3, max_size=3).map(sorted),
)
def test_a_count_with_sales_in_between_finds_exactly_what_vanished(lost: int, trade: list[str], at: list[int]) -> None:
    day, steps = Day(40, lost), list(STEPS)
    for number, step in enumerate(trade):
        while steps and at[len(STEPS) - len(steps)] <= number:
            day.do(steps.pop(0))
        if step != "tell" or day.offline:
            day.do(step)
    for step in (*steps, *["tell"] * len(day.offline)):
        day.do(step)
    day.settled()
    assert day.shop.counted(day.count.id) == -lost
