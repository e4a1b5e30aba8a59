"""The state machine of the ledger with what goes on for longer: orders, purchases, counts; and other deliveries.

Transfers in several steps have a machine of their own in `tests/transfers`.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, multiple, rule, run_state_machine_as_test

from backend.ids import new_id
from backend.model.commands import Command, Line
from backend.model.counts import How, Tolerance
from backend.model.counts import Scope as What
from backend.model.purchases import ExpectedLine, ReceivedLine
from backend.model.reasons import ReasonCode
from backend.model.returns import Condition
from backend.model.verbs.count_cancel import CountCancel
from backend.model.verbs.count_open import CountOpen
from backend.model.verbs.count_post import CountPost
from backend.model.verbs.count_scan import CountScan
from backend.model.verbs.goods_receipt import GoodsReceipt
from backend.model.verbs.order_cancel import OrderCancel
from backend.model.verbs.order_fulfil import OrderFulfil
from backend.model.verbs.order_open import OrderOpen
from backend.model.verbs.purchase_end import PurchaseEnd
from backend.model.verbs.purchase_open import PurchaseOpen
from backend.model.verbs.purchase_receive import PurchaseReceive
from backend.model.verbs.return_goods import GoodsLine, ReturnGoods
from backend.model.verbs.write_off import WriteOff

from .shop import PRODUCTS, request
from .test_state_machine import LedgerMachine, stores, units

products = st.sampled_from(PRODUCTS)
few = st.integers(0, 4)
conditions = st.sampled_from(list(Condition))
STRICT = Tolerance(units=100_000, per_cent=100)
"""Nothing is counted twice."""


@dataclass
class Ordered:
    """An order or a purchase as the dict sees it: what is open, and what of it is allocated."""

    store: str
    left: Counter[str]
    allocated: Counter[str] = field(default_factory=Counter)
    over: bool = False


@dataclass
class Counted:
    """A count as the dict sees it: for each product what differed at the scan, and the corrections before it."""

    store: str
    seen: dict[str, tuple[int, int]] = field(default_factory=dict)
    cancelled: bool = False


def lines_of(wanted: dict[str, int]) -> tuple[Line, ...]:
    return tuple(Line(product, n) for product, n in wanted.items())


class LongerMachine(LedgerMachine):
    """Adds the other verbs to those of the ledger's machine; its invariants compare all balances."""

    orders = Bundle("orders")
    purchases = Bundle("purchases")
    counts = Bundle("counts")

    def __init__(self) -> None:
        super().__init__()
        self.ordered: dict[UUID, Ordered] = {}
        self.awaited: dict[UUID, Ordered] = {}
        self.counted: dict[UUID, Counted] = {}

    def agrees(self, command: Command, possible: bool) -> bool:
        """Sends a command, which must be accepted exactly if it is possible."""
        answer = self.send(request(command))
        assert answer.accepted == possible, answer.refusal
        return possible

    def arrive(self, store: str, product: str, good: int, damaged: int) -> None:
        self.shop.take(store, {product: -good - damaged})
        self.shop.unavailable[store, product] += damaged

    @rule(store=stores, wanted=units)
    def goods_are_thrown_away(self, store: str, wanted: dict[str, int]) -> None:
        command = WriteOff(id=new_id(), store_id=store, lines=lines_of(wanted), reason_code=ReasonCode.DAMAGE)
        if self.agrees(command, self.shop.has(store, wanted)):
            self.shop.take(store, wanted)

    # orders

    @rule(target=orders, store=stores, wanted=units, backorder=st.booleans())
    def somebody_orders(self, store: str, wanted: dict[str, int], backorder: bool) -> object:
        # A backorder takes what the ledger's row says, which counts dead holds that nobody has ended.
        backorder = backorder and all(self.shop.nothing_is_dead(store, product) for product in wanted)
        command = OrderOpen(id=new_id(), store_id=store, lines=lines_of(wanted), backorder=backorder)
        if not self.agrees(command, backorder or self.shop.has(store, wanted)):
            return multiple()
        allocated = Counter({product: min(n, self.shop.free(store, product)) for product, n in wanted.items()})
        self.ordered[command.id] = Ordered(store, Counter(wanted), allocated)
        self.shop.allocated.update({(store, product): n for product, n in allocated.items()})
        return command.id

    @rule(id_=orders, some=st.none() | units)
    def an_order_is_handed_over(self, id_: UUID, some: dict[str, int] | None) -> None:
        order = self.ordered[id_]
        taken = Counter(+order.left if some is None else some)
        freed = taken & order.allocated
        possible = not order.over and taken <= order.left and self.shop.has(order.store, taken - freed)
        command = OrderFulfil(
            id=new_id(), store_id=order.store, order_id=id_, lines=None if some is None else lines_of(some)
        )
        if self.agrees(command, possible):
            self.shop.take(order.store, taken)
            self.less_allocated(order, freed)
            order.left -= taken
            order.over = not order.left

    @rule(id_=orders)
    def a_unit_of_an_order_is_handed_over(self, id_: UUID) -> None:
        """Few dicts drawn at random are a part of an order."""
        self.an_order_is_handed_over(id_, {min(self.ordered[id_].left or PRODUCTS): 1})

    @rule(id_=orders)
    def an_order_is_cancelled(self, id_: UUID) -> None:
        order = self.ordered[id_]
        if self.agrees(OrderCancel(id=new_id(), store_id=order.store, order_id=id_), not order.over):
            self.less_allocated(order, order.allocated)
            order.over = True

    def less_allocated(self, order: Ordered, freed: Counter[str]) -> None:
        self.shop.allocated.subtract({(order.store, product): n for product, n in freed.items()})
        order.allocated = order.allocated - freed

    # purchases

    @rule(target=purchases, store=stores, wanted=units)
    def goods_are_ordered(self, store: str, wanted: dict[str, int]) -> UUID:
        lines = tuple(ExpectedLine(product, n) for product, n in wanted.items())
        command = PurchaseOpen(id=new_id(), store_id=store, supplier="Gil", lines=lines)
        assert self.agrees(command, possible=True)
        self.awaited[command.id] = Ordered(store, Counter(wanted))
        self.shop.incoming.update({(store, product): n for product, n in wanted.items()})
        return command.id

    @rule(id_=purchases, product=products, good=few, damaged=few)
    def some_are_delivered(self, id_: UUID, product: str, good: int, damaged: int) -> None:
        purchase = self.awaited[id_]
        line = ReceivedLine(product, good=good, damaged=damaged)
        command = PurchaseReceive(id=new_id(), store_id=purchase.store, purchase_id=id_, lines=(line,))
        if self.agrees(command, not purchase.over and good + damaged > 0):
            came = min(good + damaged, purchase.left[product])
            self.arrive(purchase.store, product, good, damaged)
            self.shop.incoming[purchase.store, product] -= came
            purchase.left = purchase.left - Counter({product: came})
            purchase.over = not purchase.left

    @rule(id_=purchases)
    def no_more_will_come(self, id_: UUID) -> None:
        purchase = self.awaited[id_]
        if self.agrees(PurchaseEnd(id=new_id(), store_id=purchase.store, purchase_id=id_), not purchase.over):
            self.shop.incoming.subtract({(purchase.store, product): n for product, n in purchase.left.items()})
            purchase.over = True

    @rule(store=stores, product=products, good=few, damaged=few)
    def goods_come_unannounced(self, store: str, product: str, good: int, damaged: int) -> None:
        line = ReceivedLine(product, good=good, damaged=damaged)
        command = GoodsReceipt(id=new_id(), store_id=store, supplier="Gil", lines=(line,))
        if self.agrees(command, good + damaged > 0):
            self.arrive(store, product, good, damaged)

    @rule(store=stores, product=products, n=st.integers(1, 3), condition=conditions)
    def goods_come_back_without_receipt(self, store: str, product: str, n: int, condition: Condition) -> None:
        line = GoodsLine(product, n, 100, condition)
        command = ReturnGoods(id=new_id(), store_id=store, lines=(line,), approved_by="luis", reason="no receipt")
        assert self.agrees(command, possible=True)
        damaged = n if condition is Condition.DAMAGED else 0
        self.arrive(store, product, n - damaged, damaged)

    # counts

    @rule(target=counts, store=stores)
    def a_count_begins(self, store: str) -> UUID:
        command = CountOpen(id=new_id(), store_id=store, scope=What.CYCLE, products=PRODUCTS, tolerance=STRICT)
        assert self.agrees(command, possible=True)
        self.counted[command.id] = Counted(store)
        return command.id

    @rule(id_=counts, product=products, less=st.integers(-3, 3))
    def a_product_is_scanned(self, id_: UUID, product: str, less: int) -> None:
        count = self.counted[id_]
        key = (count.store, product)
        there = self.shop.on_hand.get(key, 0)
        seen = max(there - less, 0)
        command = CountScan(
            id=new_id(), store_id=count.store, count_id=id_, product_id=product, units=seen, how=How.RECOUNT
        )
        if self.agrees(command, not count.cancelled):
            count.seen[product] = (seen - there, self.shop.corrected[key])

    @rule(id_=counts, product=products)
    def it_is_posted(self, id_: UUID, product: str) -> None:
        count = self.counted[id_]
        if not self.shop.nothing_is_dead(count.store, product):
            return  # whether its units are free to be missing depends on whether somebody has ended it
        command = CountPost(
            id=new_id(), store_id=count.store, count_id=id_, products=(product,), approved_by="luis", reason="counted"
        )
        if self.agrees(command, not count.cancelled and product in count.seen):
            difference, before = count.seen[product]
            left = difference - (self.shop.corrected[count.store, product] - before)
            if left >= 0 or self.shop.free(count.store, product) + left >= 0:
                self.shop.correct(count.store, product, left)

    @rule(target=counts, store=stores, product=products, less=st.integers(1, 3))
    def somebody_counts_and_posts_twice(self, store: str, product: str, less: int) -> Any:
        """Steps drawn at random seldom make a whole count; the second posting must find nothing more."""
        count = self.a_count_begins(store)
        self.a_product_is_scanned(count, product, less)
        self.it_is_posted(count, product)
        self.it_is_posted(count, product)
        return count

    @rule(id_=counts)
    def a_count_is_cancelled(self, id_: UUID) -> None:
        count = self.counted[id_]
        if self.agrees(CountCancel(id=new_id(), store_id=count.store, count_id=id_), not count.cancelled):
            count.cancelled = True


@pytest.mark.slow
def test_what_goes_on_for_longer_agrees_with_a_plain_dict(database_url: str) -> None:
    machine = type("LongerMachine", (LongerMachine,), {"url": database_url})
    quiet = settings(max_examples=20, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=quiet)
