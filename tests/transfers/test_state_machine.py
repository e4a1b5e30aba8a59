"""Any sequence of transfers, receipts, cases and sales against a plain dict; in memory, and in both real ledgers."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, select

from backend.database import tables
from backend.database.engine import open_database
from backend.ids import new_id
from backend.ledger.lanes import open_ledger
from backend.model.commands import Command, Line, SaleLine
from backend.model.discrepancies import CaseOutcome
from backend.model.stock import StockRow
from backend.model.verbs.receive import Receive
from backend.model.verbs.sell import Sell
from backend.model.verbs.transfer_assign import TransferAssign
from backend.model.verbs.transfer_cancel import InFlight
from backend.proof.books import prove
from tests.ledger.shop import open_shop, request

from .book import (
    HERE,
    THERE,
    Book,
    asking,
    cancelling,
    closing,
    packing,
    receiving,
    settling,
    shipping,
)
from .conservation import assert_conserved

STORES, PRODUCTS = (HERE, THERE), ("tea", "jam")
stores, products = st.sampled_from(STORES), st.sampled_from(PRODUCTS)
units = st.dictionaries(products, st.integers(1, 5), min_size=1)
few = st.integers(0, 3)
Key = tuple[str, str]


class InMemory:
    """The rule book alone."""

    def __init__(self) -> None:
        self.book = Book(tea=0, jam=0)
        self.entered = 0

    def accepts(self, command: Command) -> bool:
        accepted = self.book.send(command).answer.accepted
        if accepted and isinstance(command, Receive):
            self.entered += sum(line.quantity for line in command.lines)
        if accepted and isinstance(command, Sell):
            self.entered -= sum(line.quantity for line in command.lines)
        return accepted

    def rows(self) -> dict[Key, StockRow]:
        return self.book.books.stock

    def prove(self) -> None:
        assert_conserved(self.book, self.entered)

    def close(self) -> None:
        pass


class InLedger:
    """A ledger on a database, emptied first."""

    def __init__(self, url: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.database = open_database(url)
        self.loop.run_until_complete(self._clean())
        self.ledger = open_ledger(self.database, lambda _: None)
        self.loop.run_until_complete(self.ledger.start())

    async def _clean(self) -> None:
        async with self.database.writer.begin() as connection:
            for table in reversed(tables.metadata.sorted_tables):
                await connection.execute(delete(table))
        await open_shop(self.database)

    def accepts(self, command: Command) -> bool:
        answer = self.loop.run_until_complete(self.ledger.submit(request(command)))
        assert self.loop.run_until_complete(self.ledger.submit(request(command))) == answer
        return answer.accepted

    def rows(self) -> dict[Key, StockRow]:
        async def read() -> dict[Key, StockRow]:
            s = tables.stock.c
            columns = [s[name] for name in StockRow.__struct_fields__]
            async with self.database.engine.connect() as connection:
                return {(row[0], row[1]): StockRow(*row) for row in await connection.execute(select(*columns))}

        return self.loop.run_until_complete(read())

    def prove(self) -> None:
        assert not self.loop.run_until_complete(prove(self.database)).drifts

    def close(self) -> None:
        self.loop.run_until_complete(self.ledger.close())
        self.loop.run_until_complete(self.database.close())
        self.loop.close()


@dataclass
class Way:
    """A transfer by hand: for each product what was asked for, and where its units are."""

    source: str
    to: str
    asked: dict[str, int]
    requested: bool
    at: str = "open"
    """open, packed, moving, over"""
    packed: Counter[str] = field(default_factory=Counter)
    open: Counter[str] = field(default_factory=Counter)


@dataclass
class Case:
    """A discrepancy case by hand."""

    transfer: UUID
    open: Counter[str]


class TransferMachine(RuleBasedStateMachine):
    """Both sides do the same; after every step they must agree."""

    make: ClassVar[Callable[[], InMemory | InLedger]]
    transfers = Bundle("transfers")
    cases = Bundle("cases")

    def __init__(self) -> None:
        super().__init__()
        self.real = type(self).make()
        self.on_hand: Counter[Key] = Counter()
        self.unavailable: Counter[Key] = Counter()
        self.ways: dict[UUID, Way] = {}
        self.found: dict[UUID, Case] = {}

    def teardown(self) -> None:
        self.real.close()

    def free(self, store: str, product: str, but: UUID | None = None) -> int:
        packed = sum(way.packed[product] for id_, way in self.ways.items() if way.source == store and id_ != but)
        return self.on_hand[store, product] - self.unavailable[store, product] - packed

    @initialize()
    def the_shelves_are_filled(self) -> None:
        self.goods_arrive(HERE, {"tea": 9, "jam": 9})

    @rule(store=stores, wanted=units)
    def goods_arrive(self, store: str, wanted: dict[str, int]) -> None:
        lines = tuple(Line(product, n) for product, n in wanted.items())
        assert self.real.accepts(Receive(id=new_id(), store_id=store, lines=lines))
        for product, n in wanted.items():
            self.on_hand[store, product] += n

    @rule(store=stores, wanted=units)
    def something_is_sold(self, store: str, wanted: dict[str, int]) -> None:
        lines = tuple(SaleLine(product, n, 100) for product, n in wanted.items())
        fits = all(self.free(store, product) >= n for product, n in wanted.items())
        assert self.real.accepts(Sell(id=new_id(), store_id=store, lines=lines)) == fits
        if fits:
            for product, n in wanted.items():
                self.on_hand[store, product] -= n

    @rule(target=transfers, source=stores, wanted=units, requested=st.booleans())
    def somebody_asks(self, source: str, wanted: dict[str, int], requested: bool) -> UUID:
        return self.asked(source, wanted, requested)

    def asked(self, source: str, wanted: dict[str, int], requested: bool) -> UUID:
        to = THERE if source == HERE else HERE
        command = asking(wanted, to if requested else source, source, to)
        assert self.real.accepts(command)
        self.ways[command.id] = Way(source, to, wanted, requested)
        return command.id

    @rule(id_=transfers, some=st.none() | units)
    def it_is_packed(self, id_: UUID, some: dict[str, int] | None) -> None:
        way = self.ways[id_]
        packed = Counter(way.asked if some is None else some)
        possible = (
            way.at in ("open", "packed")
            and all(n <= way.asked.get(product, 0) for product, n in packed.items())
            and all(n <= self.free(way.source, product, but=id_) for product, n in packed.items())
            and (way.at == "open" or packed != way.packed)
        )
        assert self.real.accepts(packing(id_, way.source, **(some or {}))) == possible
        if possible:
            way.at, way.packed = "packed", packed

    @rule(id_=transfers)
    def it_is_shipped(self, id_: UUID) -> None:
        way = self.ways[id_]
        assert self.real.accepts(shipping(id_, way.source)) == (way.at == "packed")
        if way.at == "packed":
            for product, n in way.packed.items():
                self.on_hand[way.source, product] -= n
            way.at, way.open, way.packed = "moving", way.packed, Counter()

    @rule(target=transfers, source=stores, wanted=units)
    def goods_are_on_their_way(self, source: str, wanted: dict[str, int]) -> UUID:
        """Most steps say something only of goods that have left, so some leave without a detour."""
        return self.sent(source, wanted)

    def sent(self, source: str, wanted: dict[str, int]) -> UUID:
        self.goods_arrive(source, wanted)
        id_ = self.asked(source, wanted, requested=False)
        self.it_is_packed(id_, None)
        self.it_is_shipped(id_)
        return id_

    @rule(target=cases, source=stores, wanted=units)
    def nothing_of_it_arrives(self, source: str, wanted: dict[str, int]) -> object:
        return self.it_is_closed(self.sent(source, wanted))

    @rule(target=cases, id_=transfers, product=products, good=few, damaged=few, missing=few)
    def some_of_it_arrives(self, id_: UUID, product: str, good: int, damaged: int, missing: int) -> object:
        way, command = self.ways[id_], receiving(id_, product, good, damaged, missing, by=self.ways[id_].to)
        possible = way.at == "moving" and 0 < good + damaged + missing <= way.open[product]
        assert self.real.accepts(command) == possible
        if not possible:
            return multiple()
        self.on_hand[way.to, product] += good + damaged
        self.unavailable[way.to, product] += damaged
        self.less(way, product, good + damaged + missing)
        return self.case(command.id, id_, Counter({product: missing})) if missing else multiple()

    @rule(target=cases, id_=transfers)
    def it_is_closed(self, id_: UUID) -> object:
        way, command = self.ways[id_], closing(id_, by=self.ways[id_].to)
        assert self.real.accepts(command) == (way.at == "moving")
        if way.at != "moving":
            return multiple()
        missing, way.open, way.at = way.open, Counter(), "over"
        return self.case(command.id, id_, missing)

    @rule(id_=transfers, in_flight=st.sampled_from([None, *InFlight]), by_source=st.booleans())
    def it_is_cancelled(self, id_: UUID, in_flight: InFlight | None, by_source: bool) -> None:
        way = self.ways[id_]
        by = way.source if by_source else way.to
        moving = way.at == "moving"
        possible = (
            way.at != "over"
            and moving == (in_flight is not None)
            and (by_source or (way.requested and way.at == "open"))
        )
        assert self.real.accepts(cancelling(id_, in_flight, by)) == possible
        if possible:
            if in_flight is InFlight.RESTOCK:
                for product, n in way.open.items():
                    self.on_hand[way.source, product] += n
            way.at, way.packed, way.open = "over", Counter(), Counter()

    @rule(id_=cases, outcome=st.sampled_from(list(CaseOutcome)), some=st.none() | units, by=stores)
    def it_is_settled(self, id_: UUID, outcome: CaseOutcome, some: dict[str, int] | None, by: str) -> None:
        case = self.found[id_]
        way = self.ways[case.transfer]
        sides = {CaseOutcome.FOUND: (way.to,), CaseOutcome.RETURNED: (way.source,)}
        settled = Counter(case.open if some is None else some)
        possible = by in sides.get(outcome, STORES) and +case.open != Counter() and settled <= case.open
        assert self.real.accepts(settling(id_, case.transfer, outcome, by, **(some or {}))) == possible
        if possible:
            case.open = case.open - settled
            store = {CaseOutcome.FOUND: way.to, CaseOutcome.RETURNED: way.source}.get(outcome)
            for product, n in settled.items() if store else ():
                self.on_hand[str(store), product] += n

    @rule(id_=cases, by=stores)
    def it_is_given_to_somebody(self, id_: UUID, by: str) -> None:
        command = TransferAssign(id=new_id(), store_id=by, discrepancy_id=id_, owner="eva")
        assert self.real.accepts(command) == (+self.found[id_].open != Counter())

    def less(self, way: Way, product: str, n: int) -> None:
        way.open[product] -= n
        if not any(way.open.values()):
            way.at = "over"

    def case(self, id_: UUID, transfer: UUID, missing: Counter[str]) -> UUID:
        self.found[id_] = Case(transfer, +missing)
        return id_

    @invariant()
    def both_agree(self) -> None:
        incoming: Counter[Key] = Counter()
        allocated: Counter[Key] = Counter()
        for way in self.ways.values():
            incoming.update({(way.to, product): n for product, n in way.open.items()})
            allocated.update({(way.source, product): n for product, n in way.packed.items()})
        for case in self.found.values():
            to = self.ways[case.transfer].to
            incoming.update({(to, product): n for product, n in case.open.items()})
        rows = self.real.rows()
        for key in {*rows, *+self.on_hand, *+incoming}:
            row = rows[key]
            expected = (self.on_hand[key], self.unavailable[key], allocated[key], incoming[key])
            assert (row.on_hand, row.unavailable, row.allocated, row.incoming) == expected, key
            assert row.available >= 0
        self.real.prove()


def play(make: Callable[[], InMemory | InLedger], examples: int) -> None:
    machine = type("TransferMachine", (TransferMachine,), {"make": staticmethod(make)})
    quiet = settings(
        max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(machine, settings=quiet)


def test_the_rules_agree_with_a_plain_dict() -> None:
    play(InMemory, 60)


@pytest.mark.slow
def test_the_ledger_agrees_with_a_plain_dict(database_url: str) -> None:
    play(lambda: InLedger(database_url), 15)
