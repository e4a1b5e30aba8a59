"""Whatever the clerk does and however late answers come: no hold leaks, and nothing is sold twice or without stock."""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from backend.model.commands import Command
from backend.model.errors import MostradorError
from backend.model.verbs.sell import Sell
from backend.terminal.cart import Cart
from backend.terminal.lines import State
from backend.terminal.values import Product

from .fake_server import FakeServer

PRODUCTS = [Product(key, f"S{key}", key, Decimal("1.50")) for key in ("1041", "1042", "1043")]
STOCK = 12
TTL = 900
products = st.sampled_from(PRODUCTS)


class ClerkAndServer(RuleBasedStateMachine):
    """One clerk, one server, and commands on their way between them."""

    def __init__(self) -> None:
        super().__init__()
        self.server = FakeServer({("292", product.id): STOCK for product in PRODUCTS})
        self.cart = Cart("292", TTL)
        self.now = 1000.0
        self.on_its_way: list[Command] = []
        self.sold = 0
        self.receipts = 0

    @rule(product=products, quantity=st.integers(1, 9))
    def adds(self, product: Product, quantity: int) -> None:
        self.cart.add(product, quantity)

    @rule(product=products, quantity=st.integers(0, 15))
    def sets(self, product: Product, quantity: int) -> None:
        self.cart.set_quantity(product.id, quantity)

    @rule()
    def undoes(self) -> None:
        self.cart.undo()

    @rule()
    def throws_away(self) -> None:
        self.cart.clear()

    @rule()
    def holds_again(self) -> None:
        self.cart.hold_again(self.now)

    @rule(works=st.booleans())
    def sends(self, works: bool) -> None:
        self.on_its_way += self.cart.commands(self.now, self.now if works else None)

    @precondition(lambda self: self.on_its_way)
    @rule(lost=st.booleans())
    def hears(self, lost: bool) -> None:
        """The oldest command is decided; its answer may be lost, and is asked for again later."""
        answer = self.server.decide(self.on_its_way[0])
        if not lost:
            self.cart.answered(answer, self.now)
            del self.on_its_way[0]

    @rule(seconds=st.sampled_from([1, 440, 460, 901]))
    def waits(self, seconds: int) -> None:
        self.now += seconds
        self.server.later(seconds)

    @rule()
    def finishes(self) -> None:
        try:
            self.cart.check_sale()
        except MostradorError:
            return
        self.receipts += 1
        units = self.cart.units
        for command in self.cart.sale(f"292-T1-{self.receipts:06d}"):
            answer = self.server.decide(command)
            if not isinstance(command, Sell):
                self.cart.answered(answer, self.now)
            elif answer.refusal is None:
                self.sold += units
                self.cart.sold()
            else:
                self.cart.sale_refused(answer.refusal)

    @invariant()
    def no_unit_is_sold_twice_or_out_of_nothing(self) -> None:
        rows = [self.server.books.stock["292", product.id] for product in PRODUCTS]
        assert sum(row.on_hand for row in rows) == STOCK * len(PRODUCTS) - self.sold
        assert all(row.available >= 0 for row in rows)

    def teardown(self) -> None:
        """Once every answer has come, each live hold is a line's, and each line said to be held has its units."""
        for _ in range(20):
            self.sends(works=False)
            if not self.on_its_way:
                break
            while self.on_its_way:
                self.hears(lost=False)
        else:
            raise AssertionError("The cart never comes to rest.")
        live = {x.id: x.lines for x in self.server.books.reservations.values() if x.is_live(self.server.now)}
        lines = {x.hold.id: x for x in self.cart.lines if x.hold}
        assert live.keys() <= lines.keys()
        for hold_id, line in lines.items():
            if line.state(self.now) is State.HELD:
                assert [(x.product_id, x.quantity) for x in live[hold_id]] == [(line.product.id, line.quantity)]


TestClerkAndServer = ClerkAndServer.TestCase
TestClerkAndServer.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
