"""Facts and counts: whatever comes first, the books end as the shelf really is."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import permutations
from uuid import UUID

import pytest

from backend.ids import new_id
from backend.model.commands import SaleLine
from backend.model.shortfalls import LIVE, Offline, Outcome
from backend.model.verbs.cancel import Cancel
from backend.model.verbs.sell import Sell
from backend.model.verbs.shortfall_settle import ShortfallSettle
from tests.counts.shelf import STORE, Shop, opening, posting, reserving, scanning


def told(units: int, made_at: datetime) -> Sell:
    return Sell(
        id=new_id(),
        store_id=STORE,
        lines=(SaleLine("tea", units, 100),),
        made_at=made_at,
        offline=Offline(sequence=1),
    )


def settle(shop: Shop, case: UUID, outcome: Outcome) -> None:
    """Settles what is open of the case, if there is one."""
    document = shop.books.documents.get(case)
    if document is not None and document.status in LIVE:
        shop.accept(ShortfallSettle(id=new_id(), store_id=STORE, shortfall_id=case, outcome=outcome, reason="looked"))


ORDERS = [x for x in permutations(("tell", "scan", "post", "settle")) if x.index("scan") < x.index("post")]


@pytest.mark.parametrize("order", ORDERS)
def test_a_sale_before_the_scan_that_the_books_could_not_cover(order: Sequence[str]) -> None:
    """The books say 3, the shelf had 5, and all 5 were sold offline before anybody counted: none is lost or found."""
    shop = Shop(tea=3)
    sold_at = shop.now + timedelta(seconds=1)
    sale, count = told(5, sold_at), opening("tea")
    shop.accept(count)
    for step in order:
        match step:
            case "tell":
                shop.accept(sale)
            case "scan":
                shop.accept(scanning(count.id, 0))
            case "post":
                shop.accept(posting(count.id))
            case "settle":
                settle(shop, sale.id, Outcome.ADJUST)
    settle(shop, sale.id, Outcome.ADJUST)
    for _ in range(2):
        shop.accept(posting(count.id))
        assert shop.row().on_hand == 0, order


@pytest.mark.parametrize("scan_first", [True, False])
def test_units_of_a_hold_that_were_sold_are_taken_once_the_hold_is_over(scan_first: bool) -> None:
    """The shelf has what the books say, two of it held. All are sold offline: the count must not take the two again."""
    shop = Shop(tea=5)
    hold = reserving(2)
    shop.accept(hold)
    sold_at = shop.now + timedelta(seconds=1)
    sale, count = told(5, sold_at), opening("tea")
    shop.accept(count)
    if scan_first:
        shop.accept(scanning(count.id, 0))
    shop.accept(sale)
    if not scan_first:
        shop.accept(scanning(count.id, 0))
    shop.accept(Cancel(id=new_id(), store_id=STORE, reservation_id=hold.id))
    settle(shop, sale.id, Outcome.TAKE)
    assert shop.row().on_hand == 0
    shop.accept(posting(count.id))
    assert shop.row().on_hand == 0
    assert shop.counted(count.id) == 0
