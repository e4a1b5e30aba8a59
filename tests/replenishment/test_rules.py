"""The rules of replenishment: when a store orders, how much, and who gives it without going short."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from backend.model.demand import Day, Demand, demand_of
from backend.model.replenishment import (
    Policy,
    Standing,
    SuggestionKind,
    kept_by,
    need_of,
    spare_of,
    suggestions_for,
)
from backend.model.stock import Levels

WEEK = Policy(window_days=28, lead_days=7, cover_days=14)


def levels(**units: int) -> Levels:
    return Levels("S", "tea", **units)


def standing(store_id: str = "S", available: int = 0, sold: int = 0, days: int = 28, **more: int) -> Standing:
    """A standing; what `Levels` has a field for is one of its levels."""
    wanted = {name: more.pop(name) for name in list(more) if name in Levels.__struct_fields__}
    return Standing(store_id, "tea", available, Levels(store_id, "tea", **wanted), Demand(sold, days), **more)


# Demand


def test_a_day_without_stock_is_not_a_day_without_demand() -> None:
    """Ten units sold in the five days until the shelf was empty are two a day, however long it stayed empty."""
    days = [
        Day(ago, 2, opening=2 * (ago - 22), most=2 * (ago - 23), closing=2 * (ago - 23)) for ago in range(27, 22, -1)
    ]
    assert demand_of(days, 28, 0) == Demand(10, 5)
    assert demand_of(days, 28, 0).over(7) == 14


def test_a_day_on_which_nothing_moved_counts_while_something_was_there() -> None:
    assert demand_of([], 28, sellable=3) == Demand(0, 28)
    assert demand_of([], 28, sellable=0) == Demand(0, 0)


def test_before_its_first_delivery_a_product_has_no_days() -> None:
    delivered = Day(2, 0, opening=0, most=50, closing=50)
    assert demand_of([delivered, Day(0, 6, opening=50, most=49, closing=44)], 28, 44) == Demand(6, 3)


def test_what_moved_before_the_window_does_not_count() -> None:
    assert demand_of([Day(28, 9, 9, 9, 0), Day(-1, 9, 9, 9, 0)], 28, 0) == Demand(0, 0)


def test_expected_sales_are_rounded_up() -> None:
    assert [Demand(10, 28).over(days) for days in (0, 1, 2, 7, 28)] == [0, 1, 1, 3, 10]
    assert (Demand(0, 0).over(7), Demand(0, 0).velocity) == (0, 0.0)
    assert Demand(10, 28).velocity == 0.357


# When


@pytest.mark.parametrize(
    ("place", "units"),
    [
        (standing(available=11, reorder_point=10, max_level=40), None),
        (standing(available=10, reorder_point=10, max_level=40), 30),
        (standing(available=4, incoming=6, reorder_point=10, max_level=40), 30),
        (standing(available=4, incoming=7, reorder_point=10, max_level=40), None),
        (standing(available=4, expected=7, reorder_point=10, max_level=40), None),
        (standing(available=11, owed=1, reorder_point=10, max_level=40), 30),
        (standing(available=5, min_level=5, reorder_point=3, max_level=40), 35),
        # 28 sold in 28 days: 7 until the goods are there, 3 for safety; 21 and 3 until the next ones are.
        (standing(available=10, sold=28, safety_stock=3), None),
        (standing(available=9, sold=28, safety_stock=3), 15),
        (standing(available=6, sold=28), 15),
        (standing(available=7, sold=28), None),
        # The safety stock is used, not only stored.
        (standing(available=4, safety_stock=5), 1),
        (standing(available=5, safety_stock=5), None),
        # Nobody wants it, nobody buys it.
        (standing(), None),
        (standing(available=0, owed=3), None),
        # Packs: no more than fit, unless that would not be enough.
        (standing(available=2, reorder_point=10, max_level=40, reorder_quantity=12), 36),
        (standing(available=0, reorder_point=16, max_level=20, reorder_quantity=15), 30),
        (standing(available=10, reorder_point=10, max_level=20, reorder_quantity=15), 15),
        (standing(available=3, reorder_point=10, reorder_quantity=6), 12),
        (standing(available=10, reorder_point=10), 1),
        # The maximum is what fits on the shelf.
        (standing(available=9, reorder_point=10, max_level=8), None),
    ],
)
def test_when_and_how_much(place: Standing, units: int | None) -> None:
    need = need_of(place, WEEK)
    assert (need and need.units) == units


def test_the_arithmetic_is_told() -> None:
    place = standing("A", 4, 28, incoming=1, expected=2, owed=3, reorder_point=10, max_level=40, safety_stock=2)
    (bought,) = suggestions_for([place], WEEK)
    need = bought.need
    assert (need.position, need.order_at, need.lead_demand, need.target, need.units) == (4, 10, 7, 40, 36)
    assert bought.sentence == (
        "Position 4 = 4 available + 1 incoming + 2 expected - 3 owed. It is ordered at 10 (reorder point 10, minimum 0;"
        " 28 sold in 28 days with stock make 7 in 7 days, safety stock 2). Up to 40 that is 36."
        " No store can spare the 36 that are left; purchase 36."
    )


# From where


def test_the_store_with_most_cover_to_spare_gives_first() -> None:
    needy = standing("A", 0, reorder_point=5, max_level=30)
    slow = standing("B", 60, sold=28)  # keeps 21 and can spare 39: 39 days
    fast = standing("C", 200, sold=140)  # keeps 105 and can spare 95: 19 days
    (one,) = suggestions_for([needy, slow, fast], WEEK)
    assert (one.kind, one.from_store_id, one.quantity) == (SuggestionKind.TRANSFER, "B", 30)
    assert one.spare is not None
    assert (one.spare.keeps, one.spare.spare, one.spare.left) == (21, 39, 30)
    assert "Store B can spare 39: 60 available, 0 owed, and it keeps 21 for 21 days" in one.sentence


def test_what_no_store_can_spare_is_purchased_in_packs() -> None:
    needy = standing("A", 0, reorder_point=5, max_level=30, reorder_quantity=10)
    gives = standing("B", 12, reorder_point=3)  # keeps 4
    some, rest = suggestions_for([gives, needy], WEEK)
    assert (some.kind, some.from_store_id, some.quantity) == (SuggestionKind.TRANSFER, "B", 8)
    assert (rest.kind, rest.from_store_id, rest.quantity) == (SuggestionKind.PURCHASE, "", 30)
    assert rest.sentence.endswith("No store can spare the 22 that are left; purchase 30, in packs of 10.")


def test_the_store_that_runs_out_first_is_served_first() -> None:
    calm = standing("A", 8, sold=28, reorder_point=8, max_level=18)
    hurried = standing("B", 8, sold=280, reorder_point=8, max_level=18)
    gives = standing("C", 14)
    found = suggestions_for([calm, hurried, gives], WEEK)
    assert [(x.store_id, x.kind, x.quantity) for x in found] == [
        ("B", "transfer", 10),
        ("A", "transfer", 4),
        ("A", "purchase", 6),
    ]


def test_what_is_on_its_way_to_a_giver_is_not_given() -> None:
    assert spare_of(standing("B", 10, incoming=50, expected=50, reorder_point=9), WEEK) == 0
    assert spare_of(standing("B", 20, owed=5, reorder_point=9), WEEK) == 5


units = st.integers(0, 60)


@st.composite
def places(draw: st.DrawFn) -> list[Standing]:
    names = draw(st.lists(st.sampled_from("ABCDEFGH"), min_size=1, max_size=8, unique=True))
    level = st.one_of(st.just(0), units)
    return [
        Standing(
            name,
            "tea",
            draw(st.integers(0, 200)),
            Levels(
                name, "tea", draw(level), draw(level), draw(st.sampled_from([0, 1, 6, 24])), draw(level), draw(level)
            ),
            Demand(draw(units), draw(st.integers(1, 28))) if draw(st.booleans()) else Demand(),
            draw(units),
            draw(units),
            draw(units),
        )
        for name in names
    ]


policies = st.builds(Policy, st.just(28), st.integers(0, 21), st.integers(0, 28))


@given(places(), policies)
def test_nobody_goes_short_by_giving(standings: list[Standing], policy: Policy) -> None:
    """After all gifts a giver is above its own reorder point and minimum, and needs nothing itself."""
    given_away = Counter[str]()
    for one in suggestions_for(standings, policy):
        given_away[one.from_store_id] += one.quantity if one.kind is SuggestionKind.TRANSFER else 0
    for place in standings:
        gift = given_away[place.store_id]
        if gift:
            after = structs.replace(place, available=place.available - gift)
            assert after.available - after.owed >= kept_by(place, policy)
            points = [point for point in (place.levels.reorder_point, place.levels.min_level) if point]
            assert all(after.position > point for point in points)
            assert need_of(after, policy) is None


@given(places(), policies)
def test_units_are_conserved_over_all_needy_stores(standings: list[Standing], policy: Policy) -> None:
    """Each need is met exactly: by what others can spare, given once, and the rest by a purchase in packs."""
    found = suggestions_for(standings, policy)
    by_store = {place.store_id: place for place in standings}
    for store_id, place in by_store.items():
        need = need_of(place, policy)
        mine = [one for one in found if one.store_id == store_id]
        if need is None:
            assert not mine
            continue
        moved = sum(one.quantity for one in mine if one.kind is SuggestionKind.TRANSFER)
        bought = sum(one.quantity for one in mine if one.kind is SuggestionKind.PURCHASE)
        assert need.units <= moved + bought < need.units + max(1, place.levels.reorder_quantity)
        assert all(one.quantity > 0 and one.from_store_id != store_id for one in mine)
    transfers = [one for one in found if one.kind is SuggestionKind.TRANSFER]
    wanted = sum(need.units for place in standings if (need := need_of(place, policy)))
    spare = sum(spare_of(place, policy) for place in standings)
    assert sum(one.quantity for one in transfers) == min(wanted, spare)


@given(places(), policies, st.randoms())
def test_the_same_standings_give_the_same_suggestions(
    standings: list[Standing], policy: Policy, random: Random
) -> None:
    shuffled = list(standings)
    random.shuffle(shuffled)
    assert suggestions_for(shuffled, policy) == suggestions_for(standings, policy)


@given(places(), policies)
def test_once_accepted_nothing_more_is_suggested(standings: list[Standing], policy: Policy) -> None:
    coming, going = Counter[str](), Counter[str]()
    for one in suggestions_for(standings, policy):
        coming[one.store_id] += one.quantity
        going[one.from_store_id] += one.quantity
    after = [
        structs.replace(x, expected=x.expected + coming[x.store_id], owed=x.owed + going[x.store_id]) for x in standings
    ]
    assert suggestions_for(after, policy) == []
