"""The rules of counting while selling, each with what it refuses."""

from datetime import timedelta
from uuid import UUID

import pytest
from msgspec import structs

from backend.ids import new_id
from backend.model.counts import APPROVAL_UNITS, CountStatus, How, LineStatus, Tolerance, Why
from backend.model.counts import Scope as What
from backend.model.verbs.repair import Differences, Repair
from backend.model.verbs.set_stock import SetStock

from .shelf import (
    ANA,
    LUIS,
    STORE,
    Shop,
    adjusting,
    cancelling,
    opening,
    posting,
    receiving,
    reserving,
    scanning,
    selling,
)


def test_pain_11_sales_after_the_scan_stay_when_the_count_is_posted() -> None:
    """Pain 11: a stock-take spoiled by sales during the count."""
    shop = Shop(tea=10)
    count = opening("tea")
    shop.accept(count)
    shop.accept(scanning(count.id, 9))
    assert (shop.line(count.id).version, shop.line(count.id).on_hand) == (1, 10)
    shop.accept(selling(4))
    shop.accept(receiving(2))
    answer = shop.accept(posting(count.id))
    assert [(row.product_id, row.on_hand) for row in answer.stock] == [("tea", 7)]
    assert shop.counted(count.id) == -1
    assert (shop.document(count.id).status, shop.line_status(count.id)) == (CountStatus.POSTED, LineStatus.POSTED)


def test_a_repair_corrects_what_the_count_has_found_missing_too() -> None:
    """The books had one tea more than their movements; the count and `verify --repair` find the same unit, once."""
    shop = Shop(tea=10)
    count = opening("tea")
    shop.accept(count)
    shop.accept(scanning(count.id, 9))
    one, less = Differences(on_hand=1), Differences(on_hand=-1)
    repair = Repair(
        id=new_id(), store_id=STORE, product_id="tea", expected_version=1, drifted=one, correction=less, reason="drift"
    )
    shop.accept(repair)
    assert shop.row().on_hand == 9
    shop.accept(scanning(count.id, 0))
    assert not shop.line(count.id).moved, "no unit moved"
    assert not shop.send(posting(count.id)).movements
    assert shop.row().on_hand == 9


def test_a_repair_after_an_offline_scan_was_true_when_it_was_made() -> None:
    shop = Shop(tea=10)
    count = opening("tea")
    shop.accept(count)
    one, less = Differences(on_hand=1), Differences(on_hand=-1)
    repair = Repair(
        id=new_id(), store_id=STORE, product_id="tea", expected_version=1, drifted=one, correction=less, reason="drift"
    )
    at = shop.now
    shop.accept(repair)
    shop.accept(scanning(count.id, 9, as_of=1, at=at))
    assert shop.line(count.id).on_hand == 9
    assert not shop.send(posting(count.id)).movements


def test_a_count_that_finds_everything_moves_nothing() -> None:
    shop = Shop(tea=10)
    count = opening("tea")
    shop.accept(count)
    shop.accept(scanning(count.id, 10))
    effect = shop.send(posting(count.id, by=""))
    assert not effect.movements
    assert shop.document(count.id).status == CountStatus.POSTED


def test_a_late_sale_is_not_found_missing_a_second_time() -> None:
    """The till was offline: it sold two before the scan, and told of it after the scan."""
    shop = Shop(tea=10)
    count = opening("tea")
    shop.accept(count)
    sold_at = shop.now + timedelta(seconds=30)
    shop.accept(scanning(count.id, 7))  # one is lost, two are sold
    shop.accept(selling(2, made_at=sold_at))
    shop.accept(selling(3))
    shop.accept(posting(count.id))
    assert shop.counted(count.id) == -1
    assert shop.row().on_hand == 4


def test_a_sale_that_comes_after_the_posting_is_corrected_by_posting_again() -> None:
    shop = Shop(tea=10)
    count = opening("tea")
    shop.accept(count)
    sold_at = shop.now + timedelta(seconds=30)
    shop.accept(scanning(count.id, 7))
    shop.accept(posting(count.id))
    assert shop.row().on_hand == 7
    shop.accept(selling(2, made_at=sold_at))
    assert shop.row().on_hand == 5
    shop.accept(posting(count.id))
    assert (shop.row().on_hand, shop.counted(count.id)) == (7, -1)
    shop.accept(posting(count.id))
    assert shop.row().on_hand == 7, "posting again finds nothing more"
    assert shop.document(count.id).status == CountStatus.POSTED


def test_a_sale_whose_clock_is_ahead_is_made_now() -> None:
    shop = Shop(tea=10)
    effect = shop.send(selling(1, made_at=shop.now + timedelta(days=30)))
    assert effect.sale is not None
    assert effect.sale.made_at == shop.now


def test_a_counter_without_network_says_what_it_saw_and_when() -> None:
    shop = Shop(tea=10)
    count = opening("tea")
    shop.accept(count)
    shop.accept(selling(2))  # before it counted, seen by it only on the shelf
    at = shop.now + timedelta(seconds=30)
    shop.accept(selling(3))  # after it counted
    shop.accept(scanning(count.id, 7, as_of=1, at=at))
    assert shop.line(count.id).on_hand == 8
    shop.accept(posting(count.id))
    assert shop.row().on_hand == 4, "one was missing"


def test_a_counter_that_names_only_the_version_counted_before_it_moved() -> None:
    shop = Shop(tea=10)
    count = opening("tea")
    shop.accept(count)
    shop.accept(selling(3))
    shop.accept(scanning(count.id, 9, as_of=1))
    shop.accept(posting(count.id))
    assert (shop.counted(count.id), shop.row().on_hand) == (-1, 6)
    assert shop.code(scanning(opened(shop), 9, as_of=99)) == "invalid_quantity"


def opened(shop: Shop, *products: str) -> UUID:
    """A new count's id."""
    count = opening(*(products or ("tea",)))
    shop.accept(count)
    return count.id


def test_many_counters_add_up_and_each_corrects_only_their_own() -> None:
    shop = Shop(tea=10)
    count = opening("tea")
    shop.accept(count)
    shop.accept(scanning(count.id, 6), ANA)
    shop.accept(scanning(count.id, 2), LUIS)
    shop.accept(scanning(count.id, 1), LUIS)
    assert shop.line(count.id).counted == 9
    shop.accept(scanning(count.id, 7, how=How.CORRECT), ANA)
    assert {x.counter: x.units for x in shop.line(count.id).tallies} == {"ana": 7, "luis": 3}
    assert shop.count(count.id).lines == 1


def test_units_that_are_added_after_a_sale_are_counted_again() -> None:
    shop = Shop(tea=10)
    count = opening("tea")
    shop.accept(count)
    shop.accept(scanning(count.id, 6), ANA)
    shop.accept(selling(1))
    shop.accept(scanning(count.id, 4), LUIS)
    shop.accept(posting(count.id))
    assert shop.line(count.id).why is Why.MOVED
    assert (shop.line_status(count.id), shop.document(count.id).status) == (LineStatus.RECOUNT, CountStatus.RECOUNT)
    assert shop.row().on_hand == 9
    shop.accept(scanning(count.id, 9, how=How.RECOUNT), LUIS)
    shop.accept(posting(count.id))
    assert (shop.row().on_hand, shop.document(count.id).status) == (9, CountStatus.POSTED)


def test_a_hold_between_two_scans_moves_no_unit() -> None:
    shop = Shop(tea=10)
    count = opening("tea")
    shop.accept(count)
    shop.accept(scanning(count.id, 6), ANA)
    shop.accept(reserving(1))
    shop.accept(scanning(count.id, 4), LUIS)
    shop.accept(posting(count.id))
    assert shop.line_status(count.id) == LineStatus.POSTED


@pytest.mark.parametrize(
    ("units", "per_cent", "counted", "again"),
    [(2, 0, 98, False), (2, 0, 97, True), (0, 5, 95, False), (0, 5, 94, True), (0, 0, 100, False), (0, 0, 101, True)],
)
def test_beyond_the_tolerance_a_line_is_counted_again(units: int, per_cent: int, counted: int, *, again: bool) -> None:
    shop = Shop(tea=100)
    count = opening("tea", tolerance=Tolerance(units, per_cent))
    shop.accept(count)
    shop.accept(scanning(count.id, counted))
    shop.accept(posting(count.id))
    assert (shop.line(count.id).why is Why.TOLERANCE) == again
    assert shop.row().on_hand == (100 if again else counted)
    if again:
        shop.accept(scanning(count.id, counted, how=How.RECOUNT))
        shop.accept(posting(count.id))
        assert shop.row().on_hand == counted, "who has looked twice is believed"


def test_a_line_that_would_break_promises_is_counted_again_and_the_others_are_posted() -> None:
    shop = Shop(tea=10, jam=5)
    count = opening("tea", "jam")
    shop.accept(count)
    hold = reserving(9)
    shop.accept(hold)
    shop.accept(scanning(count.id, 7, "tea"))
    shop.accept(scanning(count.id, 4, "jam"))
    shop.accept(posting(count.id, "tea", "jam"))
    assert (shop.row("tea").on_hand, shop.row("jam").on_hand) == (10, 4)
    assert (shop.line(count.id, "tea").why, shop.line(count.id, "jam").why) == (Why.HELD, None)
    assert (shop.count(count.id).posted, shop.count(count.id).recounts) == (1, 1)
    shop.accept(selling(2, hold=hold.id))
    shop.accept(scanning(count.id, 5, "tea", how=How.RECOUNT))
    shop.accept(posting(count.id, "tea"))
    assert shop.row("tea").on_hand == 5
    assert shop.document(count.id).status == CountStatus.POSTED


def test_two_counts_of_one_product_find_a_loss_once() -> None:
    shop = Shop(tea=10)
    one, two = opening("tea"), opening("tea")
    for count in (one, two):
        shop.accept(count)
        shop.accept(scanning(count.id, 8))
    shop.accept(posting(one.id))
    shop.accept(posting(two.id))
    assert shop.row().on_hand == 8
    third = opening("tea")
    shop.accept(third)
    shop.accept(scanning(third.id, 8))
    shop.accept(SetStock(id=new_id(), store_id=STORE, product_id="tea", quantity=7))
    shop.accept(posting(third.id))
    assert shop.row().on_hand == 8, "who counted is told the last, and corrects by what is left"


def test_many_units_need_an_approval() -> None:
    shop = Shop(tea=100)
    count = opening("tea")
    shop.accept(count)
    shop.accept(scanning(count.id, 100 - APPROVAL_UNITS - 1))
    assert shop.code(posting(count.id, by="")) == "approval_needed"
    shop.accept(posting(count.id, by="luis"))
    assert shop.line(count.id).approved_by == "luis"
    assert shop.count(count.id).corrected == APPROVAL_UNITS + 1


def test_the_units_of_several_postings_add_up_for_the_approval() -> None:
    shop = Shop(tea=100, jam=100)
    count = opening("tea", "jam")
    shop.accept(count)
    shop.accept(scanning(count.id, 100 - APPROVAL_UNITS, "tea"))
    shop.accept(scanning(count.id, 101, "jam"))
    shop.accept(posting(count.id, "tea", by="", finish=False))
    assert shop.code(posting(count.id, "jam", by="")) == "approval_needed"


def test_what_cannot_be_counted_is_refused() -> None:
    shop = Shop()
    assert shop.code(opening("gold")) == "unknown_product"
    assert shop.code(opening("tea", store="999")) == "unknown_store"
    assert shop.code(opening(scope=What.FULL, store="999")) == "unknown_store"
    assert shop.code(opening("tea", scope=What.FULL)) == "empty_basket"
    assert shop.code(opening(scope=What.CYCLE)) == "empty_basket"
    assert shop.code(opening("tea", "jam", scope=What.TASK)) == "empty_basket"
    task = opening("tea", scope=What.TASK)
    shop.accept(task)
    assert shop.code(scanning(task.id, 1, "jam")) == "unknown_product"
    assert shop.code(scanning(task.id, -1)) == "invalid_quantity"
    assert shop.code(scanning(new_id(), 1)) == "unknown_document"
    assert shop.code(posting(task.id)) == "not_counted"
    full = opening(scope=What.FULL)
    shop.accept(full)
    assert shop.code(scanning(full.id, 1, "gold")) == "unknown_product"


def test_a_cancelled_count_is_over_and_what_was_posted_stays() -> None:
    shop = Shop(tea=10, jam=5)
    count = opening("tea", "jam")
    shop.accept(count)
    shop.accept(scanning(count.id, 9, "tea"))
    shop.accept(scanning(count.id, 4, "jam"))
    shop.accept(posting(count.id, "tea", finish=False))
    assert shop.document(count.id).status == CountStatus.COUNTING
    shop.accept(cancelling(count.id))
    assert shop.row("tea").on_hand == 9
    for command in (scanning(count.id, 1, "jam"), posting(count.id, "jam"), cancelling(count.id)):
        assert shop.code(command) == "wrong_status"


def test_a_correction_for_a_reason_is_a_movement_of_units() -> None:
    """What breaks after the scan is missing on the shelf, not in the count."""
    shop = Shop(tea=10)
    count = opening("tea")
    shop.accept(count)
    shop.accept(scanning(count.id, 9))
    shop.accept(adjusting(-2))
    shop.accept(posting(count.id))
    assert shop.row().on_hand == 7


def test_the_list_of_a_count_names_each_thing_once_and_people_find_it_by_its_reference() -> None:
    shop = Shop()
    twice = structs.replace(opening("tea", "jam", "tea"), categories=("Tea", "Tea"), reference="shelf 3")
    shop.accept(twice)
    body = shop.count(twice.id)
    assert (body.products, body.categories) == (("tea", "jam"), ("Tea",))
    assert shop.document(twice.id).reference == "shelf 3"


def test_a_task_is_one_product_and_no_category() -> None:
    shop = Shop()
    task = opening("tea", scope=What.TASK)
    assert shop.code(structs.replace(task, categories=("Tea",))) == "empty_basket"
    assert shop.code(structs.replace(task, products=("tea", "jam"))) == "empty_basket"
    shop.accept(task)
