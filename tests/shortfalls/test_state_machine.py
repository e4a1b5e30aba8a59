"""The state machine of the ledger with facts: sales that have happened, whatever the books say.

The dict knows of each fact what was open of it; everything else it knows already.
"""

from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select

from backend.database import tables
from backend.ids import new_id
from backend.model.answers import Answer
from backend.model.commands import Line, SaleLine
from backend.model.returns import Condition, ReturnLine
from backend.model.shortfalls import Offline, Outcome
from backend.model.tenders import TenderKind
from backend.model.verbs.return_sale import ReturnSale
from backend.model.verbs.sell import Sell
from backend.model.verbs.shortfall_settle import ShortfallSettle
from backend.model.verbs.void_sale import VoidSale
from tests.ledger.shop import PRODUCTS, request
from tests.ledger.test_state_machine import LedgerMachine, noon, stores, units

many = st.dictionaries(st.sampled_from(PRODUCTS), st.integers(1, 15), min_size=1, max_size=3)


@dataclass
class Fact:
    """A sale as the dict sees it; its lines are the products in this order."""

    store: str
    units: dict[str, int]
    open: dict[str, int]
    back: dict[str, int] = field(default_factory=dict)
    voided: bool = False


class FactMachine(LedgerMachine):
    """Adds facts, what is done about their shortfalls, and what comes back of them."""

    facts = Bundle("facts")

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[UUID, Fact] = {}

    @rule(target=facts, store=stores, wanted=many | units)
    def a_terminal_tells_what_it_sold(self, store: str, wanted: dict[str, int]) -> UUID:
        return self._told(store, wanted)

    @rule(target=facts, hold=LedgerMachine.holds, wanted=many)
    def a_terminal_tells_what_it_sold_of_a_hold(self, hold: UUID, wanted: dict[str, int]) -> UUID:
        held = self.shop.holds[hold]
        sale = self._told(held.store_id, wanted, hold)
        held.ended = held.ended or ("EXPIRED" if held.dead else "CONFIRMED")
        return sale

    def _told(self, store: str, wanted: dict[str, int], hold: UUID | None = None) -> UUID:
        taken = {p: min(n, self.shop.free(store, p, but=hold)) for p, n in wanted.items()}
        lines = tuple([SaleLine(product, n, 100) for product, n in wanted.items()])
        holds = (hold,) if hold else ()
        sell = Sell(id=new_id(), store_id=store, lines=lines, holds=holds, offline=Offline(sequence=1))
        answer: Answer = self.send(request(sell))
        assert answer.accepted, answer.refusal
        self.shop.take(store, taken)
        self.told[sell.id] = Fact(store, wanted, {p: n - taken[p] for p, n in wanted.items() if n > taken[p]})
        assert [x.id for x in answer.documents] == ([sell.id] if self.told[sell.id].open else [])
        return sell.id

    @rule(
        id_=facts, outcome=st.sampled_from(Outcome), product=st.sampled_from(PRODUCTS), n=st.none() | st.integers(1, 6)
    )
    def somebody_says_what_becomes_of_it(self, id_: UUID, outcome: Outcome, product: str, n: int | None) -> None:
        fact = self.told[id_]
        wanted = dict(fact.open) if n is None or outcome is Outcome.BACKORDER else {product: n}
        fits = bool(fact.open) and all(n <= fact.open.get(p, 0) for p, n in wanted.items())
        if outcome is Outcome.TAKE:
            fits = fits and self.shop.has(fact.store, wanted)
        if outcome is Outcome.REFUND:
            fits = fits and all(n <= fact.units[p] - fact.back.get(p, 0) for p, n in wanted.items())
        lines = None if n is None else (Line(product, n),)
        command = ShortfallSettle(
            id=new_id(), store_id=fact.store, shortfall_id=id_, outcome=outcome, reason="looked", lines=lines
        )
        answer = self.send(request(command))
        assert answer.accepted == fits, answer.refusal
        if fits and outcome is not Outcome.BACKORDER:
            fact.open = {p: left for p, x in fact.open.items() if (left := x - wanted.get(p, 0))}
            if outcome is Outcome.TAKE:
                self.shop.take(fact.store, wanted)
            if outcome is Outcome.REFUND:
                fact.back = {p: fact.back.get(p, 0) + wanted.get(p, 0) for p in {*fact.back, *wanted}}

    @rule(id_=facts, line=st.integers(1, 3), n=st.integers(1, 8), condition=st.sampled_from(Condition))
    def units_of_it_come_back(self, id_: UUID, line: int, n: int, condition: Condition) -> None:
        fact = self.told[id_]
        product = list(fact.units)[line - 1] if line <= len(fact.units) else ""
        fits = not fact.voided and n <= fact.units.get(product, 0) - fact.back.get(product, 0)
        lines = (ReturnLine(line, n, condition),)
        order = ReturnSale(id=new_id(), store_id=fact.store, sale_id=id_, lines=lines, refund_by=TenderKind.CASH)
        assert self.send(request(order)).accepted == fits
        if fits:
            fact.back[product] = fact.back.get(product, 0) + n
            if condition is Condition.DAMAGED:
                self.shop.unavailable[fact.store, product] += n
                self.shop.take(fact.store, {product: -n})
            else:
                self._to_the_shelf(fact, {product: n})

    @rule(id_=facts)
    def it_is_voided(self, id_: UUID) -> None:
        fact = self.told[id_]
        order = VoidSale(
            id=new_id(), store_id=fact.store, sale_id=id_, reason="twice", approved_by="luis", time_zone=noon()
        )
        fits = not fact.voided and not fact.back
        assert self.send(request(order)).accepted == fits
        if fits:
            fact.voided = True
            self._to_the_shelf(fact, fact.units)

    def _to_the_shelf(self, fact: Fact, came: dict[str, int]) -> None:
        """What was never taken from the books does not come back to them."""
        for product, n in came.items():
            never = min(n, fact.open.get(product, 0))
            fact.open = {p: left for p, x in fact.open.items() if (left := x - never * (p == product))}
            self.shop.take(fact.store, {product: never - n})

    @invariant()
    def every_sale_is_there_once(self) -> None:
        async def sold() -> int:
            async with self.database.engine.connect() as connection:
                return await connection.scalar(select(func.count()).select_from(tables.sales)) or 0

        accepted = {answer.id for order, answer in self.sent if answer.accepted and isinstance(order.command, Sell)}
        assert self.run(sold()) == len(accepted)
        assert self.told.keys() <= accepted


@pytest.mark.slow
def test_facts_agree_with_a_plain_dict(database_url: str) -> None:
    machine = type("FactMachine", (FactMachine,), {"url": database_url})
    quiet = settings(max_examples=20, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=quiet)
