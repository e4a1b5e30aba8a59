from decimal import Decimal

import pytest

from backend.ids import new_id
from backend.model.answers import Answer
from backend.model.commands import Command, SaleLine
from backend.model.errors import InvalidInput
from backend.model.verbs.cancel import Cancel
from backend.model.verbs.extend import Extend
from backend.model.verbs.reserve import Reserve
from backend.model.verbs.sell import Sell
from backend.terminal.cart import Cart, EmptyBasket, LineShort
from backend.terminal.lines import State
from backend.terminal.values import Product

from .fake_server import FakeServer

MILK = Product("1041", "S1041", "Whole milk", Decimal("1.19"))
EGGS = Product("1043", "S1043", "Brown eggs", Decimal("3.49"))
TTL = 900


class Counter:
    """A cart, a server, and one clock for both."""

    def __init__(self, stock: dict[tuple[str, str], int] | None = None) -> None:
        self.server = FakeServer(stock)
        self.cart = Cart("292", TTL)
        self.now = 1000.0

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.server.later(seconds)

    def send(self, worked_at: float | None = None) -> list[Command]:
        """Send what is due, without the answers."""
        return self.cart.commands(self.now, worked_at)

    def settle(self, worked_at: float | None = None) -> None:
        """Send and answer until nothing is left to send."""
        while commands := self.send(worked_at):
            for command in commands:
                self.answer(command)

    def answer(self, command: Command) -> Answer:
        answer = self.server.decide(command)
        self.cart.answered(answer, self.now)
        return answer

    def state(self, product: Product = MILK) -> State:
        line = self.cart.find(product.id)
        assert line is not None
        return line.state(self.now)

    @property
    def reserved(self) -> int:
        return sum(row.reserved for row in self.server.books.stock.values())


def test_a_line_is_held_as_soon_as_it_is_added() -> None:
    counter = Counter()
    counter.cart.add(MILK, 3)
    assert counter.state() is State.HOLDING
    counter.settle()
    assert counter.state() is State.HELD
    assert counter.server.available("1041") == 7
    assert (counter.cart.total_cents, counter.cart.units) == (357, 3)


def test_the_same_product_again_is_the_same_line_and_replaces_its_hold() -> None:
    counter = Counter()
    counter.cart.add(MILK)
    counter.settle()
    counter.cart.add(MILK, 2)
    [command] = counter.send()
    assert isinstance(command, Reserve)
    assert command.replaces is not None
    counter.answer(command)
    assert [line.quantity for line in counter.cart.lines] == [3]
    assert (counter.server.live_holds, counter.reserved) == (1, 3)


def test_quick_presses_cost_one_hold_at_a_time() -> None:
    counter = Counter()
    counter.cart.add(MILK)
    [first] = counter.send()
    for quantity in (2, 3, 4, 5):
        counter.cart.set_quantity("1041", quantity)
        assert counter.send() == []
    counter.answer(first)
    [second] = counter.send()
    assert isinstance(second, Reserve)
    assert second.lines[0].quantity == 5
    counter.answer(second)
    assert counter.send() == []
    assert counter.reserved == 5


def test_a_refused_rise_is_marked_and_keeps_the_old_hold() -> None:
    counter = Counter({("292", "1041"): 4})
    counter.cart.add(MILK, 3)
    counter.settle()
    counter.cart.set_quantity("1041", 9)
    [command] = counter.send()
    missed = counter.cart.answered(counter.server.decide(command), counter.now)
    assert missed is not None
    line, refusal = missed
    assert (refusal.lines[0].requested, refusal.lines[0].available) == (9, 4)
    assert (line.quantity, counter.state(), counter.reserved) == (9, State.SHORT, 3)
    assert counter.send() == []
    counter.cart.set_quantity("1041", 3)
    assert (counter.state(), counter.send()) == (State.HELD, [])


def test_the_hold_under_a_short_line_is_extended_too() -> None:
    counter = Counter({("292", "1041"): 4})
    counter.cart.add(MILK, 3)
    counter.settle()
    counter.cart.add(MILK, 3)
    counter.settle()
    counter.wait(600)
    assert [type(x) for x in counter.send(counter.now)] == [Extend]


def test_a_line_without_stock_stays_marked_until_somebody_changes_it() -> None:
    counter = Counter({("292", "1041"): 2})
    counter.cart.add(MILK, 5)
    counter.settle()
    line = counter.cart.find("1041")
    assert line is not None
    assert line.short is not None
    assert (counter.state(), line.short.available) == (State.SHORT, 2)
    assert counter.send() == []
    counter.cart.set_quantity("1041", 2)
    counter.settle()
    assert counter.state() is State.HELD


def test_a_refusal_of_a_quantity_nobody_wants_any_more_is_not_told() -> None:
    counter = Counter({("292", "1041"): 2})
    counter.cart.add(MILK, 5)
    [command] = counter.send()
    counter.cart.set_quantity("1041", 1)
    assert counter.cart.answered(counter.server.decide(command), counter.now) is None
    counter.settle()
    assert counter.state() is State.HELD


def test_a_voided_line_gives_its_units_back() -> None:
    counter = Counter()
    counter.cart.add(MILK, 3)
    counter.settle()
    counter.cart.set_quantity("1041", 0)
    [command] = counter.send()
    assert isinstance(command, Cancel)
    counter.answer(command)
    assert counter.cart.lines == []
    assert counter.reserved == 0
    assert counter.send() == []


def test_a_line_voided_while_it_is_being_held_gives_its_units_back_after_the_answer() -> None:
    counter = Counter()
    counter.cart.add(MILK, 3)
    [reserve] = counter.send()
    counter.cart.set_quantity("1041", 0)
    assert counter.send() == []
    counter.answer(reserve)
    assert counter.reserved == 3
    counter.settle()
    assert counter.reserved == 0


def test_undo_takes_back_one_step_after_another_and_puts_a_line_back_in_its_place() -> None:
    counter = Counter()
    counter.cart.add(MILK)
    counter.cart.add(EGGS)
    counter.cart.add(MILK)
    counter.cart.set_quantity("1041", 0)
    counter.settle()
    assert [x.product.id for x in counter.cart.lines] == ["1043"]
    counter.cart.undo()
    assert [(x.product.id, x.quantity) for x in counter.cart.lines] == [("1041", 2), ("1043", 1)]
    counter.cart.undo()
    counter.settle()
    assert [(x.product.id, x.quantity) for x in counter.cart.lines] == [("1041", 1), ("1043", 1)]
    assert counter.reserved == 2
    counter.cart.undo()
    counter.cart.undo()
    assert counter.cart.undo() is None
    counter.settle()
    assert counter.cart.lines == []
    assert counter.reserved == 0


def test_throwing_the_sale_away_gives_everything_back_and_cannot_be_undone() -> None:
    counter = Counter()
    counter.cart.add(MILK, 2)
    counter.cart.add(EGGS, 1)
    counter.settle()
    counter.cart.clear()
    counter.settle()
    assert counter.cart.lines == []
    assert counter.reserved == 0
    assert not counter.cart.can_undo


def test_a_hold_counts_down_to_the_second_and_then_says_so() -> None:
    counter = Counter()
    counter.cart.add(MILK)
    counter.settle()
    counter.wait(TTL - 0.001)
    assert counter.state() is State.HELD
    counter.wait(0.001)
    assert counter.state() is State.EXPIRED
    assert counter.send() == []
    assert counter.cart.hold_again(counter.now) == 1
    assert counter.state() is State.HOLDING
    counter.settle()
    assert counter.state() is State.HELD


def test_a_deadline_counts_from_the_first_sending_however_late_the_answer() -> None:
    counter = Counter()
    counter.cart.add(MILK)
    [command] = counter.send()
    counter.wait(TTL - 1)
    counter.answer(command)
    assert counter.state() is State.HELD
    counter.wait(1)
    assert counter.state() is State.EXPIRED


@pytest.mark.parametrize(
    ("age", "worked", "extends"), [(449, 440, False), (451, 449, False), (451, 450, True), (899, 890, True)]
)
def test_a_hold_is_extended_in_its_second_half_while_somebody_works_on_the_sale(
    age: int, worked: int, extends: bool
) -> None:
    counter = Counter()
    counter.cart.add(MILK)
    counter.settle()
    start = counter.now
    counter.wait(age)
    commands = counter.send(start + worked)
    assert [type(x) for x in commands] == ([Extend] if extends else [])
    for command in commands:
        counter.answer(command)
        counter.wait(TTL - 1)
        assert counter.state() is State.HELD


def test_a_hold_that_ended_on_the_server_is_not_extended_but_shown_as_expired() -> None:
    counter = Counter()
    counter.cart.add(MILK)
    counter.settle()
    counter.now += 500
    counter.server.later(1000)
    [command] = counter.send(counter.now)
    counter.answer(command)
    assert counter.state() is State.EXPIRED


def test_a_hold_to_replace_that_another_sale_used_does_not_stop_the_line() -> None:
    counter = Counter()
    counter.cart.add(MILK)
    counter.settle()
    [hold] = counter.server.books.reservations
    elsewhere = Sell(id=new_id(), store_id="292", lines=(SaleLine("1041", 1, 119),), holds=(hold,))
    assert counter.server.decide(elsewhere).accepted
    counter.cart.add(MILK)
    counter.settle()
    assert counter.state() is State.HELD
    assert counter.reserved == 2


def test_a_sale_is_one_command_with_every_line_and_every_hold() -> None:
    counter = Counter()
    counter.cart.add(MILK, 2)
    counter.cart.add(EGGS)
    counter.settle()
    [sell] = counter.cart.sale("292-T1-000001")
    assert isinstance(sell, Sell)
    assert [(x.product_id, x.quantity, x.price_cents) for x in sell.lines] == [("1041", 2, 119), ("1043", 1, 349)]
    assert set(sell.holds) == set(counter.server.books.reservations)
    assert counter.answer(sell).accepted
    counter.cart.sold()
    counter.settle()
    assert (counter.cart.lines, counter.reserved, counter.server.live_holds) == ([], 0, 0)
    assert counter.server.books.stock["292", "1041"].on_hand == 8


def test_an_expired_line_is_sold_from_what_is_available() -> None:
    counter = Counter()
    counter.cart.add(MILK, 2)
    counter.settle()
    counter.wait(TTL + 1)
    [sell] = counter.cart.sale("292-T1-000001")
    assert counter.answer(sell).accepted


@pytest.mark.parametrize("arrives", [True, False])
def test_a_hold_still_on_its_way_neither_blocks_the_sale_nor_leaks(arrives: bool) -> None:
    counter = Counter({("292", "1041"): 3})
    counter.cart.add(MILK, 3)
    [reserve] = counter.send()
    if arrives:
        counter.server.decide(reserve)  # the answer is lost
    commands = counter.cart.sale("292-T1-000001")
    assert [counter.answer(x).accepted for x in commands] == [True, True, True]
    counter.cart.sold()
    counter.settle()
    assert counter.reserved == 0
    assert counter.server.books.stock["292", "1041"].on_hand == 0


def test_a_refused_sale_leaves_the_lines_marks_the_short_ones_and_holds_the_others_again() -> None:
    counter = Counter({("292", "1041"): 5, ("292", "1043"): 1})
    counter.cart.add(MILK, 2)
    counter.cart.add(EGGS)
    counter.settle()
    counter.wait(TTL + 1)
    other = Cart("292", TTL)
    other.add(EGGS)
    for command in other.commands(counter.now):
        counter.server.decide(command)
    counter.cart.set_quantity("1041", 3)
    counter.send()
    commands = counter.cart.sale("292-T1-000001")
    answers = [counter.answer(x) for x in commands]
    refusal = answers[-1].refusal
    assert refusal is not None
    counter.cart.sale_refused(refusal)
    counter.settle()
    assert counter.state(MILK) is State.HELD
    assert counter.state(EGGS) is State.SHORT
    with pytest.raises(LineShort) as short:
        counter.cart.check_sale()
    assert short.value.fields == {"name": "Brown eggs", "requested": 1, "available": 0}
    assert counter.reserved == 4


def test_an_empty_cart_cannot_be_sold() -> None:
    with pytest.raises(EmptyBasket):
        Cart("292", TTL).check_sale()


@pytest.mark.parametrize("quantity", [0, -1, 1_000_001])
def test_impossible_quantities_change_nothing(quantity: int) -> None:
    cart = Cart("292", TTL)
    with pytest.raises(InvalidInput):
        cart.add(MILK, quantity)
    assert cart.lines == []
    assert not cart.can_undo


def test_adding_up_to_too_many_units_changes_nothing() -> None:
    cart = Cart("292", TTL)
    cart.add(MILK, 999_999)
    with pytest.raises(InvalidInput):
        cart.add(MILK, 2)
    assert cart.units == 999_999


def test_a_sale_has_at_most_as_many_lines_as_one_command() -> None:
    cart = Cart("292", TTL)
    for number in range(500):
        cart.add(Product(f"{number}", "", "", Decimal(1)))
    with pytest.raises(InvalidInput):
        cart.add(MILK)
    assert len(cart.lines) == 500
