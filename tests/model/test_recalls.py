"""Whom a shortage asks to give units back."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from backend.model.recalls import ANSWERED_WITHIN, ASKED_AGAIN, KeptUnits, recalls_of

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
TEA = ("292", "tea")


def kept(
    number: int, units: int, terminal: str, wanted: int = 0, at: datetime | None = None, due: datetime = LATER
) -> KeptUnits:
    return KeptUnits(UUID(int=number), *TEA, terminal, units, wanted, at, due)


@pytest.mark.parametrize(
    ("missing", "asked"),
    [
        ({"T9": 2}, {2: 2}),  # of the largest
        ({"T9": 7}, {2: 6, 3: 1}),
        ({"T9": 99}, {1: 2, 2: 6, 3: 4}),
        ({"T2": 3}, {3: 3}),  # nobody is asked for what it lacks itself
        ({"T2": 3, "T9": 1}, {2: 1, 3: 3}),
        ({}, {}),
    ],
)
def test_the_largest_are_asked_for_what_others_lack(missing: dict[str, int], asked: dict[int, int]) -> None:
    all_kept = [kept(1, 2, "T1"), kept(2, 6, "T2"), kept(3, 4, "T3")]
    found = recalls_of({(TEA, terminal): units for terminal, units in missing.items()}, all_kept, NOW)
    assert {one.allotment_id.int: one.wanted for one in found} == asked
    assert all(one.terminal_id == f"T{one.allotment_id.int}" for one in found)


def test_nobody_counts_on_a_terminal_that_hears_nothing() -> None:
    missing = {(TEA, "T9"): 3}
    other = kept(2, 4, "T2")
    unheard = kept(1, 9, "T1", 3, NOW - ANSWERED_WITHIN)
    assert [(x.terminal_id, x.wanted) for x in recalls_of(missing, [unheard, other], NOW)] == [("T2", 3)]
    late = kept(1, 9, "T1", due=NOW)
    assert [(x.terminal_id, x.wanted) for x in recalls_of(missing, [late, other], NOW)] == [("T1", 3), ("T2", 3)]
    just_asked = kept(1, 9, "T1", 3, NOW - ANSWERED_WITHIN / 2)
    assert recalls_of(missing, [just_asked, other], NOW) == []


def test_it_is_not_asked_for_as_much_again_at_once() -> None:
    lately, before = NOW - timedelta(seconds=4), NOW - ASKED_AGAIN
    missing = {(TEA, "T9"): 3}
    assert recalls_of(missing, [kept(1, 5, "T1", 3, lately)], NOW) == []
    for again in (kept(1, 5, "T1", 2, lately), kept(1, 5, "T1", 3, before), kept(1, 5, "T1")):
        assert [one.wanted for one in recalls_of(missing, [again], NOW)] == [3]
    other = {(("304", "tea"), "T9"): 3}
    assert recalls_of(other, [kept(1, 5, "T1")], NOW) == []
