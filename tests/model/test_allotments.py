"""Allotments by example, and what holds for every sequence of them."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json, structs

from backend.ids import new_id
from backend.ledger.settle import fingerprint
from backend.model.allotments import Draw
from backend.model.answers import Code
from backend.model.books import Books, Effect, Request
from backend.model.commands import Command, Line, SaleLine
from backend.model.decide import decide
from backend.model.reservations import NEVER, Status
from backend.model.stock import Who
from backend.model.verbs.allot import Allot
from backend.model.verbs.cancel import Cancel
from backend.model.verbs.confirm import Confirm
from backend.model.verbs.expire import Expire
from backend.model.verbs.extend import Extend
from backend.model.verbs.reserve import Reserve
from backend.model.verbs.sell import Sell
from tests.allotments.shelf import ANA, EVA, LUIS, allot, draw, reclaim, release

from .test_decide import NOW, STORE, books


def apply(state: Books, order: Request) -> Effect:
    """Decide and take the effect over into `state`."""
    effect = decide(state, order, NOW)
    for row in effect.answer.stock:
        state.stock[row.store_id, row.product_id] = row
    for hold in effect.reservations:
        state.reservations[hold.id] = hold
    return effect


def numbers(state: Books) -> tuple[int, int, int]:
    row = state.stock[STORE, "tea"]
    return row.on_hand, row.reserved, row.available


def units_of(state: Books, allotment: UUID) -> int:
    held = state.reservations[allotment]
    return held.lines[0].quantity if held.status is Status.PENDING else 0


def refusal(effect: Effect) -> Code | None:
    return effect.answer.refusal.code if effect.answer.refusal else None


def allotted(state: Books, quantity: int, who: Who = ANA) -> UUID:
    answer = apply(state, allot(quantity, who=who)).answer
    assert answer.allotment is not None
    return answer.allotment.id


def test_a_terminal_gets_what_it_asks_for_or_what_there_is() -> None:
    state = books(tea=10)
    first = apply(state, allot(6)).answer
    assert first.allotment is not None
    assert first.reservation is not None
    assert (first.allotment.quantity, first.allotment.terminal_id) == (6, "T1")
    assert (first.reservation.expires_at, first.allotment.due_at.timestamp() - NOW.timestamp()) == (NEVER, 900)
    second = apply(state, allot(6, who=LUIS)).answer
    assert second.allotment is not None
    assert second.allotment.quantity == 4
    assert numbers(state) == (10, 10, 0)
    assert refusal(apply(state, allot(1, who=EVA))) is Code.INSUFFICIENT_STOCK


@pytest.mark.parametrize(("asked", "granted"), [(2, 2), (6, 6), (9, 8)])
def test_it_is_resized_under_its_own_id(asked: int, granted: int) -> None:
    state = books(tea=10)
    mine, _ = allotted(state, 5), apply(state, allot(2, who=LUIS))
    effect = apply(state, allot(asked, mine))
    assert effect.answer.allotment is not None
    assert (effect.answer.allotment.id, effect.answer.allotment.quantity) == (mine, granted)
    assert numbers(state)[1] == granted + 2


def test_a_renewal_moves_no_unit() -> None:
    state = books(tea=10)
    mine = allotted(state, 5)
    effect = apply(state, allot(5, mine, ttl=3600))
    assert not effect.movements
    assert effect.answer.allotment is not None
    assert (effect.answer.allotment.due_at - NOW).total_seconds() == 3600
    assert state.reservations[mine].version == 2


def test_what_has_ended_is_asked_for_anew() -> None:
    state = books(tea=10)
    mine = allotted(state, 5)
    apply(state, reclaim(mine))
    again = apply(state, allot(4, mine)).answer
    assert again.allotment is not None
    assert again.allotment.id == again.id != mine
    lost = apply(state, allot(3, new_id())).answer  # the server was restored from a backup
    assert lost.allotment is not None
    assert lost.allotment.id == lost.id


def test_nobody_takes_what_is_another_terminals() -> None:
    state = books(tea=10, jam=10)
    mine = allotted(state, 5)
    for order in (allot(3, mine, LUIS), release(mine, LUIS)):
        assert refusal(apply(state, order)) is Code.UNKNOWN_RESERVATION
    jam = Request(Allot(id=new_id(), store_id=STORE, product_id="jam", quantity=3, allotment_id=mine), ANA)
    assert refusal(apply(state, jam)) is Code.UNKNOWN_RESERVATION
    assert refusal(apply(state, allot(3, who=Who("key:shop")))) is Code.TERMINAL_NEEDED
    assert units_of(state, mine) == 5


def test_it_is_given_back_or_reclaimed_once() -> None:
    state = books(tea=10)
    mine, other = allotted(state, 4), allotted(state, 3, LUIS)
    apply(state, release(mine))
    effect = apply(state, reclaim(other))
    (movement,) = effect.movements
    assert (movement.kind, movement.reason, movement.actor) == ("allot_reclaim", "till is broken", "eva")
    assert movement.document_id == str(other)
    assert numbers(state) == (10, 0, 10)
    for order in (release(mine), reclaim(mine), reclaim(other)):
        assert refusal(apply(state, order)) is Code.RESERVATION_ENDED
    assert refusal(apply(state, reclaim(new_id()))) is Code.UNKNOWN_RESERVATION
    assert refusal(apply(state, reclaim(mine, Who("key:shop")))) is Code.SCOPE_MISSING


@pytest.mark.parametrize(
    "order",
    [
        lambda mine: Cancel(id=new_id(), store_id=STORE, reservation_id=mine),
        lambda mine: Confirm(id=new_id(), store_id=STORE, reservation_id=mine),
        lambda mine: Extend(id=new_id(), store_id=STORE, reservation_id=mine, ttl_seconds=60),
        lambda mine: Expire(id=new_id(), store_id=STORE, reservation_id=mine),
        lambda mine: Reserve(
            id=new_id(), store_id=STORE, lines=(Line("tea", 1),), ttl_seconds=60, replaces=mine
        ),
        lambda mine: Sell(id=new_id(), store_id=STORE, lines=(SaleLine("tea", 1, 100),), holds=(mine,)),
    ],
    ids=["cancel", "confirm", "extend", "expire", "reserve", "sell"],
)  # fmt: skip
def test_no_verb_of_holds_ends_it(order: object) -> None:
    state = books(tea=10)
    mine = allotted(state, 5)
    command: Command = order(mine)  # type: ignore[operator]  # the lambdas above
    assert refusal(apply(state, Request(command, ANA))) is Code.UNKNOWN_RESERVATION
    assert units_of(state, mine) == 5


def test_a_hold_is_no_allotment() -> None:
    state = books(tea=10)
    hold = Reserve(id=new_id(), store_id=STORE, lines=(Line("tea", 3),), ttl_seconds=900)
    apply(state, Request(hold, ANA))
    assert refusal(apply(state, allot(3, hold.id))) is Code.UNKNOWN_RESERVATION
    assert refusal(apply(state, release(hold.id))) is Code.UNKNOWN_RESERVATION
    sold = apply(state, draw(hold.id, 2))
    assert sold.answer.draws == ()
    assert numbers(state) == (8, 3, 5)


def test_sales_draw_until_it_is_empty() -> None:
    state = books(tea=10)
    mine = allotted(state, 5)
    apply(state, allot(9, who=LUIS))
    first = apply(state, draw(mine, 2)).answer
    assert first.draws == (Draw(mine, "tea", 2),)
    assert (units_of(state, mine), numbers(state)) == (3, (8, 8, 0))
    assert apply(state, draw(mine, 3)).answer.accepted
    empty = state.reservations[mine]
    assert (empty.status, empty.lines[0].quantity, empty.lines[0].confirmed) == (Status.CONFIRMED, 3, 3)
    assert refusal(apply(state, draw(mine, 1))) is Code.INSUFFICIENT_STOCK
    assert numbers(state) == (5, 5, 0)


def test_what_it_cannot_give_comes_from_what_is_available() -> None:
    state = books(tea=10)
    mine = allotted(state, 4)
    sold = apply(state, draw(mine, 6)).answer
    assert sold.draws == (Draw(mine, "tea", 4),)
    assert numbers(state) == (4, 0, 4)
    foreign = allotted(state, 2, LUIS)
    assert apply(state, draw(foreign, 2)).answer.draws == ()
    assert (units_of(state, foreign), numbers(state)) == (2, (2, 2, 0))
    gone = allotted(state := books(tea=3), 3)
    apply(state, reclaim(gone))
    assert apply(state, draw(gone, 2)).answer.draws == ()
    assert numbers(state) == (1, 0, 1)


def test_no_unit_is_taken_from_a_hold_and_an_allotment() -> None:
    state = books(tea=10, jam=5)
    hold = Reserve(id=new_id(), store_id=STORE, lines=(Line("tea", 2),), ttl_seconds=900)
    apply(state, Request(hold, ANA))
    mine = allotted(state, 4)
    lines = (SaleLine("tea", 3, 100), SaleLine("jam", 1, 100))
    twice = (Draw(mine, "tea", 1), Draw(mine, "tea", 3), Draw(mine, "jam", 1))
    sale = Sell(id=new_id(), store_id=STORE, lines=lines, holds=(hold.id,), draws=twice)
    answer = apply(state, Request(sale, ANA)).answer
    assert answer.draws == (Draw(mine, "tea", 1),)
    assert (units_of(state, mine), numbers(state)) == (3, (7, 3, 4))
    several = Sell(id=new_id(), store_id=STORE, lines=(SaleLine("tea", 2, 100),), draws=twice)
    assert apply(state, Request(several, ANA)).answer.draws == (Draw(mine, "tea", 2),)
    assert (units_of(state, mine), numbers(state)) == (1, (5, 1, 4))


def test_a_sale_that_draws_on_nothing_says_what_it_always_said() -> None:
    sale = Sell(id=UUID(int=7), store_id=STORE, lines=(SaleLine("tea", 1, 100),))
    assert b"draws" not in json.encode(sale)
    assert fingerprint(Request(sale, ANA)) == "dce6c8af590c8ffca688f0148165313e"
    drawing = structs.replace(sale, draws=(Draw(UUID(int=8), "tea", 1),))
    assert json.decode(json.encode(drawing), type=Sell) == drawing


ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["allot", "resize", "release", "reclaim", "draw", "sell"]),
        st.sampled_from([ANA, LUIS]),
        st.integers(1, 8),
        st.integers(0, 9),
    ),
    max_size=40,
)


@given(st.integers(0, 20), ORDERS)
def test_no_order_of_them_sells_what_another_terminal_keeps(
    on_hand: int, orders: list[tuple[str, Who, int, int]]
) -> None:
    state = books(tea=on_hand)
    made: list[UUID] = [new_id()]
    for kind, who, units, pick in orders:
        target = made[pick % len(made)]
        order = {
            "allot": allot(units, who=who),
            "resize": allot(units, target, who),
            "release": release(target, who),
            "reclaim": reclaim(target),
            "draw": draw(target, units, who=who),
            "sell": draw(new_id(), units, who=who),
        }[kind]
        before = {id_: units_of(state, id_) for id_ in state.reservations}
        effect = apply(state, order)
        if effect.answer.allotment is not None:
            made.append(effect.answer.allotment.id)
        for id_, had in before.items():
            if units_of(state, id_) != had and kind != "reclaim":
                assert state.reservations[id_].terminal_id == who.terminal_id
        keeps = sum(units_of(state, id_) for id_ in state.reservations)
        row = state.stock[STORE, "tea"]
        assert row.reserved == keeps
        assert row.available >= 0
