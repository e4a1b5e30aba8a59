"""Goods that enter, move to another store, or are counted: the rules by example, and what no transfer can break."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from backend.ids import new_id
from backend.model.answers import Answer, Code, ShortLine
from backend.model.books import Books, Effect, Request
from backend.model.commands import Command, Line
from backend.model.decide import decide, decide_all
from backend.model.stock import Levels, StockRow, Who
from backend.model.verbs.set_stock import LevelChanges, SetStock
from backend.model.verbs.transfer import Transfer

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ANA = Who("ana", "T1")
HERE, THERE = "292", "304"
TEA = (HERE, "tea")


def books(tea: int = 10, reserved: int = 0) -> Books:
    """Two stores with tea and jam, of which only the first has any."""
    rows = [StockRow(s, p) for s in (HERE, THERE) for p in ("tea", "jam")]
    stock = {(row.store_id, row.product_id): row for row in rows}
    stock[TEA] = StockRow(HERE, "tea", tea, reserved=reserved, version=7)
    return Books(dict(stock), {HERE, THERE}, {})


def decided(command: Command, state: Books | None = None) -> Effect:
    return decide(state or books(), Request(command, ANA), NOW)


def transfer(to: str = THERE, **units: int) -> Transfer:
    lines = tuple(Line(product, n) for product, n in units.items())
    return Transfer(id=new_id(), store_id=HERE, to_store_id=to, lines=lines, reason="asked for")


def set_stock(quantity: int | None = None, levels: LevelChanges | None = None, **more: Any) -> SetStock:
    return SetStock(id=new_id(), store_id=HERE, product_id="tea", quantity=quantity, levels=levels, **more)


def refusal(effect: Effect) -> Code:
    assert effect.answer.refusal is not None
    assert effect.answer == Answer(effect.answer.id, effect.answer.refusal)
    assert not effect.movements
    return effect.answer.refusal.code


def test_a_transfer_moves_both_sides_and_each_names_the_other() -> None:
    effect = decided(transfer(tea=4))
    assert [(row.store_id, row.on_hand, row.version) for row in effect.answer.stock] == [(HERE, 6, 8), (THERE, 4, 1)]
    assert [(m.store_id, m.kind, m.document_id, m.on_hand_change, m.reason) for m in effect.movements] == [
        (HERE, "transfer_out", THERE, -4, "asked for"),
        (THERE, "transfer_in", HERE, 4, "asked for"),
    ]
    assert effect.answer.at == NOW


def test_a_short_transfer_moves_nothing_and_names_every_short_line() -> None:
    effect = decided(transfer(tea=5, jam=2), books(tea=10, reserved=6))
    assert refusal(effect) is Code.INSUFFICIENT_STOCK
    assert effect.answer.refusal is not None
    assert effect.answer.refusal.lines == (ShortLine("tea", 5, 4), ShortLine("jam", 2, 0))


@pytest.mark.parametrize(
    ("command", "code", "field"),
    [
        (transfer("999", tea=99), Code.UNKNOWN_STORE, "to_store_id"),
        (transfer(coffee=1, tea=99), Code.UNKNOWN_PRODUCT, "product_id"),
        (structs.replace(transfer(tea=1), store_id="999"), Code.UNKNOWN_STORE, "store_id"),
        (transfer(HERE, tea=1), Code.SAME_STORE, "to_store_id"),
        (transfer(tea=0), Code.INVALID_QUANTITY, "quantity"),
        (structs.replace(set_stock(1), product_id="coffee"), Code.UNKNOWN_PRODUCT, "product_id"),
        (set_stock(-1), Code.INVALID_QUANTITY, "quantity"),
        (set_stock(levels=LevelChanges(min_level=-1)), Code.INVALID_QUANTITY, "min_level"),
        (set_stock(levels=LevelChanges(min_level=5, max_level=4)), Code.INVALID_QUANTITY, "max_level"),
    ],
)
def test_what_cannot_be_right_is_refused_before_what_is_short(command: Command, code: Code, field: str) -> None:
    effect = decided(command)
    assert refusal(effect) is code
    assert effect.answer.refusal is not None
    assert effect.answer.refusal.field == field


def test_on_hand_is_set_and_the_movement_has_the_difference() -> None:
    effect = decided(set_stock(3, reason="counted"))
    (movement,) = effect.movements
    assert (movement.kind, movement.on_hand_change, movement.on_hand, movement.reason) == (
        "set_stock",
        -7,
        3,
        "counted",
    )
    assert effect.answer.stock[0].version == 8


def test_held_units_cannot_be_set_away() -> None:
    assert refusal(decided(set_stock(3), books(tea=10, reserved=4))) is Code.INSUFFICIENT_STOCK
    assert decided(set_stock(4), books(tea=10, reserved=4)).answer.accepted


def test_only_the_expected_version_is_changed() -> None:
    assert decided(set_stock(3, expected_version=7)).answer.accepted
    late = decided(set_stock(3, expected_version=6))
    assert refusal(late) is Code.VERSION_MOVED
    assert late.answer.refusal is not None
    assert late.answer.refusal.stock == books().stock[TEA]


def test_levels_that_are_not_named_stay_and_the_version_moves_with_them() -> None:
    state = books()
    state.levels[TEA] = Levels(HERE, "tea", reorder_point=2, min_level=1)
    first, second = decide_all(
        state,
        [
            Request(set_stock(levels=LevelChanges(reorder_point=5, max_level=9)), ANA),
            Request(set_stock(levels=LevelChanges(min_level=0)), ANA),
        ],
        NOW,
    )
    assert first.answer.levels == Levels(HERE, "tea", reorder_point=5, min_level=1, max_level=9)
    assert second.answer.levels == Levels(HERE, "tea", reorder_point=5, max_level=9)
    assert [m.on_hand_change for m in (*first.movements, *second.movements)] == [0, 0]
    assert second.answer.stock[0].version == 9


def test_of_two_that_expect_the_same_version_the_second_is_refused() -> None:
    requests = [Request(set_stock(n, expected_version=7), ANA) for n in (3, 4)]
    first, second = decide_all(books(), requests, NOW)
    assert first.answer.accepted
    assert refusal(second) is Code.VERSION_MOVED


moves = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["a", "b", "c"]), st.integers(1, 6)), max_size=30
)


@given(st.tuples(*[st.integers(0, 10)] * 3), st.tuples(*[st.integers(0, 10)] * 3), moves)
def test_transfers_make_and_lose_nothing(
    on_hand: tuple[int, ...], reserved: tuple[int, ...], tried: list[tuple[str, str, int]]
) -> None:
    stock = {
        (store, "tea"): StockRow(store, "tea", held + more, reserved=held)
        for store, held, more in zip("abc", reserved, on_hand, strict=True)
    }
    state = Books(dict(stock), set("abc"), {})
    requests = [
        Request(Transfer(id=new_id(), store_id=source, to_store_id=to, lines=(Line("tea", n),)), ANA)
        for source, to, n in tried
    ]
    left = dict(stock)
    for effect in decide_all(state, requests, NOW):
        before = dict(left)
        left |= {(row.store_id, row.product_id): row for row in effect.answer.stock}
        assert sum(row.on_hand for row in left.values()) == sum(on_hand) + sum(reserved)
        assert all(row.available >= 0 for row in left.values())
        assert sum(m.on_hand_change for m in effect.movements) == 0
        if not effect.answer.accepted:
            assert left == before
