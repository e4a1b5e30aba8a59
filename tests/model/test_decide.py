"""The rule book by example, and the properties that hold for every command on every stock."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from backend.ids import new_id
from backend.model.answers import Code, ShortLine
from backend.model.books import Books, Effect, Request
from backend.model.commands import Command, Line, SaleLine
from backend.model.decide import decide, decide_all
from backend.model.reservations import Status
from backend.model.stock import StockRow, Who
from backend.model.verbs.adjust import Adjust
from backend.model.verbs.cancel import Cancel
from backend.model.verbs.confirm import Confirm
from backend.model.verbs.expire import Expire
from backend.model.verbs.extend import Extend
from backend.model.verbs.receive import Receive
from backend.model.verbs.reserve import Reserve
from backend.model.verbs.sell import Sell

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ANA = Who("ana", "T1")
STORE = "292"


def books(**on_hand: int) -> Books:
    stock = {(STORE, product): StockRow(STORE, product, units, version=1) for product, units in on_hand.items()}
    return Books(dict(stock), {STORE}, {})


def apply(state: Books, command: Command, now: datetime = NOW) -> Effect:
    """Decide and take the effect over into `state`."""
    effect = decide(state, Request(command, ANA), now)
    for row in effect.answer.stock:
        state.stock[row.store_id, row.product_id] = row
    for hold in effect.reservations:
        state.reservations[hold.id] = hold
    return effect


def reserve(ttl: int = 900, replaces: UUID | None = None, **units: int) -> Reserve:
    lines = tuple(Line(product, n) for product, n in units.items())
    return Reserve(id=new_id(), store_id=STORE, lines=lines, ttl_seconds=ttl, replaces=replaces)


def sell(*holds: UUID, **units: int) -> Sell:
    lines = tuple(SaleLine(product, n, 100) for product, n in units.items())
    return Sell(id=new_id(), store_id=STORE, lines=lines, holds=holds)


def refusal(effect: Effect) -> Code:
    assert effect.answer.refusal is not None
    assert not effect.movements
    assert not effect.reservations
    return effect.answer.refusal.code


def test_a_hold_takes_available_and_leaves_on_hand() -> None:
    state = books(tea=10)
    effect = apply(state, reserve(tea=4))
    row = state.stock[STORE, "tea"]
    assert (row.on_hand, row.reserved, row.available, row.version) == (10, 4, 6, 2)
    (movement,) = effect.movements
    assert (movement.kind, movement.reserved_change, movement.actor, movement.terminal_id) == (
        "reserve",
        4,
        "ana",
        "T1",
    )
    assert effect.answer.reservation is not None
    assert effect.answer.reservation.expires_at == NOW + timedelta(seconds=900)


def test_pain_2_two_lines_of_one_product_are_summed_before_the_check() -> None:
    state = books(tea=100)
    command = Reserve(id=new_id(), store_id=STORE, lines=(Line("tea", 60), Line("tea", 60)), ttl_seconds=9)
    effect = apply(state, command)
    assert refusal(effect) is Code.INSUFFICIENT_STOCK
    assert effect.answer.refusal is not None
    assert effect.answer.refusal.lines == (ShortLine("tea", 120, 100),)


def test_a_refusal_lists_every_short_line_and_changes_nothing() -> None:
    state = books(tea=1, jam=5, milk=0)
    before = dict(state.stock)
    effect = apply(state, sell(tea=2, jam=5, milk=3))
    assert refusal(effect) is Code.INSUFFICIENT_STOCK
    assert effect.answer.refusal is not None
    assert effect.answer.refusal.lines == (ShortLine("tea", 2, 1), ShortLine("milk", 3, 0))
    assert state.stock == before


def test_a_sale_uses_its_holds_even_when_nothing_else_is_left() -> None:
    state = books(tea=2)
    held = reserve(tea=2)
    apply(state, held)
    assert refusal(apply(state, sell(tea=1))) is Code.INSUFFICIENT_STOCK
    effect = apply(state, sell(held.id, tea=2))
    assert effect.answer.accepted
    assert (state.stock[STORE, "tea"].on_hand, state.stock[STORE, "tea"].reserved) == (0, 0)
    assert state.reservations[held.id].status is Status.CONFIRMED
    assert effect.sale is not None
    assert effect.sale.record.total_cents == 200
    assert len(effect.movements) == 1


def test_a_sale_frees_what_its_holds_had_too_much() -> None:
    state = books(tea=5, jam=5)
    held = reserve(tea=4, jam=2)
    apply(state, held)
    apply(state, sell(held.id, tea=1))
    assert (state.stock[STORE, "tea"].on_hand, state.stock[STORE, "tea"].reserved) == (4, 0)
    assert (state.stock[STORE, "jam"].on_hand, state.stock[STORE, "jam"].reserved) == (5, 0)
    assert [line.confirmed for line in state.reservations[held.id].lines] == [1, 0]


def test_no_unit_of_a_sale_is_handed_over_from_two_holds() -> None:
    state = books(tea=9)
    first, second = reserve(tea=3), reserve(tea=3)
    for each in (first, second):
        apply(state, each)
    apply(state, sell(first.id, second.id, tea=4))
    assert [state.reservations[each.id].lines[0].confirmed for each in (first, second)] == [3, 1]


def test_a_sale_whose_hold_died_sells_from_what_is_available() -> None:
    state = books(tea=2)
    held = reserve(ttl=1, tea=2)
    apply(state, held)
    effect = apply(state, sell(held.id, tea=2), NOW + timedelta(seconds=1))
    assert effect.answer.accepted
    assert state.reservations[held.id].status is Status.EXPIRED


def test_a_hold_is_not_sold_twice() -> None:
    state = books(tea=9)
    held = reserve(tea=2)
    apply(state, held)
    assert apply(state, sell(held.id, tea=2)).answer.accepted
    assert refusal(apply(state, sell(held.id, tea=2))) is Code.RESERVATION_ENDED


def test_a_hold_of_another_store_is_unknown() -> None:
    state = books(tea=9)
    held = reserve(tea=2)
    apply(state, held)
    state.stores.add("304")
    state.stock["304", "tea"] = StockRow("304", "tea", 5, version=1)
    stolen = Cancel(id=new_id(), store_id="304", reservation_id=held.id)
    assert refusal(apply(state, stolen)) is Code.UNKNOWN_RESERVATION


def test_replacing_a_hold_keeps_its_units_for_the_new_one() -> None:
    state = books(tea=3)
    first = reserve(tea=2)
    apply(state, first)
    second = reserve(replaces=first.id, tea=3)
    assert apply(state, second).answer.accepted
    assert state.reservations[first.id].status is Status.CANCELLED
    third = reserve(replaces=second.id, tea=4)
    assert refusal(apply(state, third)) is Code.INSUFFICIENT_STOCK
    assert state.reservations[second.id].status is Status.PENDING
    assert state.stock[STORE, "tea"].reserved == 3


def test_confirm_in_part_hands_over_some_and_frees_the_rest() -> None:
    state = books(tea=10)
    held = reserve(tea=5)
    apply(state, held)
    effect = apply(state, Confirm(id=new_id(), store_id=STORE, reservation_id=held.id, lines=(Line("tea", 2),)))
    row = state.stock[STORE, "tea"]
    assert (row.on_hand, row.reserved) == (8, 0)
    assert effect.answer.reservation is not None
    assert effect.answer.reservation.lines[0].confirmed == 2


def test_confirm_of_more_than_was_held_is_refused() -> None:
    state = books(tea=10)
    held = reserve(tea=2)
    apply(state, held)
    more = Confirm(id=new_id(), store_id=STORE, reservation_id=held.id, lines=(Line("tea", 3),))
    assert refusal(apply(state, more)) is Code.INSUFFICIENT_STOCK


@pytest.mark.parametrize("late", [timedelta(0), timedelta(microseconds=1), timedelta(days=9)])
@pytest.mark.parametrize("kind", ["confirm", "cancel", "extend"])
def test_a_dead_hold_can_only_expire(kind: str, late: timedelta) -> None:
    state = books(tea=10)
    held = reserve(ttl=60, tea=2)
    apply(state, held)
    at = NOW + timedelta(seconds=60) + late
    commands: dict[str, Command] = {
        "confirm": Confirm(id=new_id(), store_id=STORE, reservation_id=held.id),
        "cancel": Cancel(id=new_id(), store_id=STORE, reservation_id=held.id),
        "extend": Extend(id=new_id(), store_id=STORE, reservation_id=held.id, ttl_seconds=5),
    }
    effect = apply(state, commands[kind], at)
    assert refusal(effect) is Code.RESERVATION_ENDED
    assert effect.answer.refusal is not None
    assert effect.answer.refusal.state == "EXPIRED"
    assert apply(state, Expire(id=new_id(), store_id=STORE, reservation_id=held.id), at).answer.accepted
    assert state.stock[STORE, "tea"].reserved == 0


def test_a_live_hold_does_not_expire_and_can_be_extended() -> None:
    state = books(tea=10)
    held = reserve(ttl=60, tea=2)
    apply(state, held)
    just_before = NOW + timedelta(seconds=60) - timedelta(microseconds=1)
    early = Expire(id=new_id(), store_id=STORE, reservation_id=held.id)
    assert refusal(apply(state, early, just_before)) is Code.RESERVATION_NOT_DUE
    extend = Extend(id=new_id(), store_id=STORE, reservation_id=held.id, ttl_seconds=60)
    assert apply(state, extend, just_before).answer.accepted
    assert state.reservations[held.id].is_live(NOW + timedelta(seconds=90))


def test_adjust_needs_free_units_to_take_away() -> None:
    state = books(tea=5)
    apply(state, reserve(tea=4))
    assert refusal(apply(state, adjust("tea", -2))) is Code.INSUFFICIENT_STOCK
    effect = apply(state, adjust("tea", -1))
    assert effect.movements[0].reason == "damaged"
    assert state.stock[STORE, "tea"].on_hand == 4


def adjust(product: str, units: int) -> Adjust:
    return Adjust(id=new_id(), store_id=STORE, product_id=product, adjustment=units, reason="damaged")


@pytest.mark.parametrize("units", [0, -1, 10**6 + 1, -(10**9)])
def test_absurd_quantities_are_refused_by_name(units: int) -> None:
    state = books(tea=5)
    for command in (reserve(tea=units), sell(tea=units), adjust("tea", 0)):
        assert refusal(apply(state, command)) is Code.INVALID_QUANTITY


def test_empty_baskets_and_unknown_things_are_refused_by_name() -> None:
    state = books(tea=5)
    assert refusal(apply(state, sell())) is Code.EMPTY_BASKET
    assert refusal(apply(state, reserve(coffee=1))) is Code.UNKNOWN_PRODUCT
    assert refusal(apply(state, structs.replace(reserve(tea=1), store_id="999"))) is Code.UNKNOWN_STORE
    gone = Cancel(id=new_id(), store_id=STORE, reservation_id=new_id())
    assert refusal(apply(state, gone)) is Code.UNKNOWN_RESERVATION


PRODUCTS = ("tea", "jam", "milk")
units_by_product = st.dictionaries(st.sampled_from(PRODUCTS), st.integers(-2, 12), max_size=3)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[Command, int]]:
    """Commands with the second at which each is decided; later ones name earlier ones' holds."""
    made: list[UUID] = []
    history: list[tuple[Command, int]] = []
    second = 0
    for _ in range(draw(st.integers(1, 25))):
        second += draw(st.integers(0, 40))
        units = draw(units_by_product)
        hold = draw(st.sampled_from(made)) if made else new_id()
        id_ = new_id()
        lines = tuple(Line(p, n) for p, n in units.items())
        command: Command
        match draw(st.integers(0, 9)):
            case 0 | 1:
                command = reserve(draw(st.integers(1, 90)), draw(st.sampled_from([None, hold])), **units)
                made.append(command.id)
            case 2:
                command = sell(**units)
            case 3:
                command = sell(*draw(st.lists(st.sampled_from(made or [hold]), max_size=3)), **units)
            case 4:
                command = Receive(id=new_id(), store_id=STORE, lines=lines)
            case 5:
                command = adjust("tea", draw(st.integers(-9, 9)))
            case 6:
                some = draw(st.sampled_from([None, lines]))
                command = Confirm(id=id_, store_id=STORE, reservation_id=hold, lines=some)
            case 7:
                command = Extend(id=id_, store_id=STORE, reservation_id=hold, ttl_seconds=30)
            case 8:
                command = Cancel(id=id_, store_id=STORE, reservation_id=hold)
            case _:
                command = Expire(id=id_, store_id=STORE, reservation_id=hold)
        history.append((command, second))
    return history


@given(st.integers(0, 20), histories())
def test_no_history_breaks_the_invariants(opening: int, history: list[tuple[Command, int]]) -> None:
    state = books(tea=opening, jam=opening, milk=0)
    start = dict(state.stock)
    moved = {key: [0, 0] for key in start}
    ended: set[UUID] = set()
    for command, second in history:
        now = NOW + timedelta(seconds=second)
        before = Books(dict(state.stock), state.stores, dict(state.reservations))
        effect = apply(state, command, now)
        assert decide(before, Request(command, ANA), now) == effect, "the same input gives the same effect"
        for movement in effect.movements:
            key = (movement.store_id, movement.product_id)
            moved[key][0] += movement.on_hand_change
            moved[key][1] += movement.reserved_change
            assert movement.command_id == command.id
        for hold in effect.reservations:
            assert hold.id not in ended, "a hold ends once"
            if hold.status is not Status.PENDING:
                ended.add(hold.id)
        for key, row in state.stock.items():
            assert row.available >= 0
            assert row.reserved >= 0
            assert row.on_hand == start[key].on_hand + moved[key][0], "a balance is the sum of its movements"
            pending = [x for x in state.reservations.values() if x.status is Status.PENDING]
            held = sum(line.quantity for hold in pending for line in hold.lines if line.product_id == key[1])
            assert row.reserved == moved[key][1] == held


@given(st.integers(0, 20), histories())
def test_a_batch_is_decided_like_one_command_after_the_other(opening: int, history: list[tuple[Command, int]]) -> None:
    alone = books(tea=opening, jam=opening, milk=0)
    together = books(tea=opening, jam=opening, milk=0)
    before = (dict(together.stock), dict(together.reservations))
    effects = decide_all(together, [Request(command, ANA) for command, _ in history], NOW)
    assert effects == [apply(alone, command) for command, _ in history]
    assert (together.stock, together.reservations) == before, "the rows that were read stay as they were"
