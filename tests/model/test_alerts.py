"""When a store is told that a product runs out: at once when it gets worse, late when it gets better."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.model.alerts import AlertState, is_on_its_way, judge

OK, LOW, MINIMUM = AlertState
LEVELS = st.integers(0, 100)


@pytest.mark.parametrize(
    ("known", "available", "state"),
    [
        (OK, 11, OK),
        (OK, 10, LOW),
        (OK, 4, MINIMUM),
        (LOW, 11, LOW),
        (LOW, 12, OK),
        (LOW, 4, MINIMUM),
        (MINIMUM, 5, MINIMUM),
        (MINIMUM, 6, LOW),
        (MINIMUM, 10, LOW),
        (MINIMUM, 12, OK),
    ],
)
def test_a_reorder_point_of_10_and_a_minimum_of_4(known: AlertState, available: int, state: AlertState) -> None:
    assert judge(known, available, 10, 4) == state


def test_a_large_level_has_a_large_margin() -> None:
    assert judge(LOW, 219, 200, 0) == LOW
    assert judge(LOW, 220, 200, 0) == OK


def test_a_level_that_is_taken_away_is_no_alert() -> None:
    assert judge(LOW, 0, 0, 0) == judge(MINIMUM, 0, 0, 0) == OK


@pytest.mark.parametrize(
    ("known", "state", "projected", "comes"),
    [
        (False, OK, 50, False),
        (True, OK, 50, False),
        (False, LOW, 11, False),
        (False, LOW, 12, True),
        (True, LOW, 11, True),
        (True, LOW, 10, False),
        (False, MINIMUM, 5, False),
        (False, MINIMUM, 6, True),
        (True, MINIMUM, 4, False),
    ],
)
def test_what_is_on_its_way_lifts_it_with_a_margin_both_ways(
    known: bool, state: AlertState, projected: int, comes: bool
) -> None:
    assert is_on_its_way(known, state, projected, 10, 4) is comes


@given(LEVELS, st.integers(0, 200), st.lists(st.sampled_from([-1, 0]), max_size=50))
def test_a_hold_that_comes_and_goes_does_not_tell_twice_what_is_on_its_way(
    point: int, projected: int, moves: list[int]
) -> None:
    known = is_on_its_way(False, LOW, projected, point, 0)
    states = []
    for move in moves:
        known = is_on_its_way(known, LOW, projected + move, point, 0)
        states.append(known)
    assert sum(one != next_ for one, next_ in pairwise(states)) <= 1


@given(st.sampled_from(AlertState), st.integers(-5, 200), LEVELS, LEVELS)
def test_a_level_that_is_reached_is_never_silent(known: AlertState, available: int, point: int, least: int) -> None:
    state = judge(known, available, point, least)
    if least and available <= least:
        assert state == MINIMUM
    elif point and available <= point:
        assert state != OK
    assert judge(state, available, point, least) == state


@given(LEVELS, LEVELS, st.integers(0, 200), st.lists(st.sampled_from([-1, 0]), max_size=50))
def test_a_unit_that_comes_and_goes_rings_once_at_most(
    point: int, least: int, available: int, moves: list[int]
) -> None:
    known = judge(OK, available, point, least)
    states = []
    for move in moves:
        known = judge(known, available + move, point, least)
        states.append(known)
    assert sum(one != next_ for one, next_ in pairwise(states)) <= 1
