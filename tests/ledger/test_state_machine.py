"""Any sequence of commands over the real databases against a plain dict that does the sums by hand.

The dict is written from the promises in the design, not from `decide`: what is free, who holds what, what is left.
Time passes by moving a hold's deadline into the past, in the database and in the dict.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar
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
from sqlalchemy import delete, select, update

from backend.database import tables
from backend.database.engine import Database, open_database
from backend.ids import expiry_command_id, new_id
from backend.ledger.lanes import open_ledger
from backend.model.allotments import Draw
from backend.model.answers import Answer
from backend.model.books import Request
from backend.model.commands import Command, Line, SaleLine
from backend.model.reasons import ReasonCode
from backend.model.reservations import NEVER
from backend.model.returns import Condition, ReturnLine
from backend.model.stock import Who
from backend.model.tenders import TenderKind
from backend.model.verbs.adjust import Adjust
from backend.model.verbs.allot import Allot
from backend.model.verbs.allot_reclaim import AllotReclaim
from backend.model.verbs.allot_release import AllotRelease
from backend.model.verbs.expire import Expire
from backend.model.verbs.order_cancel import OrderCancel
from backend.model.verbs.order_fulfil import OrderFulfil
from backend.model.verbs.order_open import OrderOpen
from backend.model.verbs.quarantine import Quarantine
from backend.model.verbs.release import Release
from backend.model.verbs.reserve import Reserve
from backend.model.verbs.return_sale import ReturnSale
from backend.model.verbs.sell import Sell
from backend.model.verbs.set_stock import SetStock
from backend.model.verbs.transfer import Transfer
from backend.model.verbs.void_sale import VoidSale
from backend.model.verbs.write_off import Source, WriteOff
from backend.proof.books import prove

from .shop import PRODUCTS, STORES, cancel, confirm, extend, open_shop, receive, request

Result = TypeVar("Result")
units = st.dictionaries(st.sampled_from(PRODUCTS), st.integers(1, 4), min_size=1, max_size=3)
stores = st.sampled_from(STORES)


def holding(store_id: str, wanted: dict[str, int], replaces: UUID | None = None) -> Request:
    lines = tuple(Line(product, n) for product, n in wanted.items())
    return request(Reserve(id=new_id(), store_id=store_id, lines=lines, ttl_seconds=900, replaces=replaces))


def selling(store_id: str, wanted: dict[str, int], *holds: UUID) -> Request:
    lines = tuple(SaleLine(product, n, 100) for product, n in wanted.items())
    return request(Sell(id=new_id(), store_id=store_id, lines=lines, holds=holds))


def noon() -> str:
    """A time zone where no day ends while this runs."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


@dataclass
class Held:
    """A hold as the dict sees it."""

    store_id: str
    units: dict[str, int]
    dead: bool = False
    ended: str = ""
    version: int = 1


@dataclass
class Sold:
    """A sale as the dict sees it; its lines are the products in this order."""

    store_id: str
    units: dict[str, int]
    back: dict[str, int] = field(default_factory=dict)
    voided: bool = False


@dataclass
class Allotted:
    """An allotment as the dict sees it: its store, product and terminal, and what it has."""

    place: tuple[str, str, str]
    units: int


@dataclass
class Shop:
    """Stock and holds by hand."""

    on_hand: dict[tuple[str, str], int] = field(default_factory=dict)
    holds: dict[UUID, Held] = field(default_factory=dict)
    sales: dict[UUID, Sold] = field(default_factory=dict)
    unavailable: Counter[tuple[str, str]] = field(default_factory=Counter)
    allocated: Counter[tuple[str, str]] = field(default_factory=Counter)
    incoming: Counter[tuple[str, str]] = field(default_factory=Counter)
    allotted: dict[UUID, "Allotted"] = field(default_factory=dict)
    gone: list[UUID] = field(default_factory=list)
    """Allotments that have ended."""
    corrected: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Units by which counts have corrected what is on hand, so far."""

    def free(self, store_id: str, product: str, but: UUID | None = None) -> int:
        """What may be sold: on hand less what is damaged, and what living holds and orders keep."""
        kept = sum(
            hold.units.get(product, 0)
            for id_, hold in self.holds.items()
            if hold.store_id == store_id and not hold.ended and not hold.dead and id_ != but
        )
        kept += self.allotted_units(store_id, product)
        key = store_id, product
        return self.on_hand.get(key, 0) - self.unavailable[key] - self.allocated[key] - kept

    def allotted_units(self, store_id: str, product: str) -> int:
        return sum(x.units for x in self.allotted.values() if x.place[:2] == (store_id, product))

    def has(self, store_id: str, wanted: dict[str, int], but: UUID | None = None) -> bool:
        return all(self.free(store_id, product, but) >= n for product, n in wanted.items())

    def nothing_is_dead(self, store_id: str, product: str) -> bool:
        """Whether no dead hold can still count in the ledger, where the dict has freed its units already."""
        held = [x for x in self.holds.values() if x.store_id == store_id and product in x.units]
        return not any(x.dead for x in held)

    def correct(self, store_id: str, product: str, change: int) -> None:
        self.take(store_id, {product: -change})
        self.corrected[store_id, product] += change

    def take(self, store_id: str, taken: dict[str, int]) -> None:
        for product, n in taken.items():
            self.on_hand[store_id, product] = self.on_hand.get((store_id, product), 0) - n


class LedgerMachine(RuleBasedStateMachine):
    """Both sides do the same; after every step they must agree, and the database must prove itself."""

    url: str
    holds = Bundle("holds")
    sales = Bundle("sales")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.shop = Shop()
        self.database: Database = open_database(self.url)
        self.run(self._clean())
        self.ledger = open_ledger(self.database, lambda _: None)
        self.run(self.ledger.start())
        self.sent: list[tuple[Request, Answer]] = []

    def run(self, work: Coroutine[object, object, Result]) -> Result:
        return self.loop.run_until_complete(work)

    async def _clean(self) -> None:
        async with self.database.writer.begin() as connection:
            for table in reversed(tables.metadata.sorted_tables):
                await connection.execute(delete(table))
        await open_shop(self.database)

    def teardown(self) -> None:
        self.run(self.ledger.close())
        self.run(self.database.close())
        self.loop.close()

    def send(self, order: Request) -> Answer:
        answer = self.run(self.ledger.submit(order))
        self.sent.append((order, answer))
        return answer

    @initialize()
    def the_shelves_are_filled(self) -> None:
        for store in STORES:
            self.goods_arrive(store, dict.fromkeys(PRODUCTS, 9))

    @rule(store=stores, wanted=units)
    def goods_arrive(self, store: str, wanted: dict[str, int]) -> None:
        assert self.send(receive(store, **wanted)).accepted
        self.shop.take(store, {product: -n for product, n in wanted.items()})

    @rule(store=stores, product=st.sampled_from(PRODUCTS), change=st.integers(-4, 4).filter(bool))
    def a_count_is_corrected(self, store: str, product: str, change: int) -> None:
        adjust = Adjust(id=new_id(), store_id=store, product_id=product, adjustment=change, reason="count")
        fits = self.shop.free(store, product) + change >= 0
        assert self.send(request(adjust)).accepted == fits
        if fits:
            self.shop.take(store, {product: -change})

    @rule(store=stores, product=st.sampled_from(PRODUCTS), counted=st.integers(0, 12), late=st.booleans())
    def a_shelf_is_counted(self, store: str, product: str, counted: int, late: bool) -> None:
        # Ending a dead hold moves the version too.
        sure = not any(hold.dead and product in hold.units for hold in self.shop.holds.values())
        version = self.run(self._version(store, product)) - late if sure or late else None
        count = SetStock(id=new_id(), store_id=store, product_id=product, quantity=counted, expected_version=version)
        kept = self.shop.on_hand.get((store, product), 0) - self.shop.free(store, product)
        fits = not late and counted >= kept
        assert self.send(request(count)).accepted == fits
        if fits:
            self.shop.correct(store, product, counted - self.shop.on_hand.get((store, product), 0))

    @rule(store=stores, product=st.sampled_from(PRODUCTS), n=st.integers(1, 4))
    def units_go_into_quarantine(self, store: str, product: str, n: int) -> None:
        command = Quarantine(
            id=new_id(), store_id=store, lines=(Line(product, n),), reason_code=ReasonCode.QUALITY_HOLD
        )
        fits = self.shop.free(store, product) >= n
        assert self.send(request(command)).accepted == fits
        if fits:
            self.shop.unavailable[store, product] = self.shop.unavailable.get((store, product), 0) + n

    @rule(store=stores, product=st.sampled_from(PRODUCTS), n=st.integers(1, 4), gone=st.booleans())
    def units_leave_quarantine(self, store: str, product: str, n: int, gone: bool) -> None:
        lines, unavailable = (Line(product, n),), Source.UNAVAILABLE
        command = (
            WriteOff(id=new_id(), store_id=store, lines=lines, reason_code=ReasonCode.RECALL, source=unavailable)
            if gone
            else Release(id=new_id(), store_id=store, lines=lines)
        )
        fits = self.shop.unavailable.get((store, product), 0) >= n
        assert self.send(request(command)).accepted == fits
        if fits:
            self.shop.unavailable[store, product] -= n
            if gone:
                self.shop.take(store, {product: n})

    @rule(store=stores, product=st.sampled_from(PRODUCTS), n=st.integers(1, 4), ended=st.booleans())
    def an_order_is_handed_over_or_cancelled(self, store: str, product: str, n: int, ended: bool) -> None:
        order = OrderOpen(id=new_id(), store_id=store, lines=(Line(product, n),))
        fits = self.shop.free(store, product) >= n
        assert self.send(request(order)).accepted == fits
        end = OrderCancel if ended else OrderFulfil
        assert self.send(request(end(id=new_id(), store_id=store, order_id=order.id))).accepted == fits
        if fits and not ended:
            self.shop.take(store, {product: n})

    @rule(source=stores, to=stores, wanted=units)
    def goods_change_store(self, source: str, to: str, wanted: dict[str, int]) -> None:
        lines = tuple(Line(product, n) for product, n in wanted.items())
        order = Transfer(id=new_id(), store_id=source, to_store_id=to, lines=lines)
        fits = source != to and self.shop.has(source, wanted)
        assert self.send(request(order)).accepted == fits
        if fits:
            self.shop.take(source, wanted)
            self.shop.take(to, {product: -n for product, n in wanted.items()})

    @rule(target=holds, store=stores, wanted=units)
    def somebody_holds(self, store: str, wanted: dict[str, int]) -> object:
        order = holding(store, wanted)
        fits = self.shop.has(store, wanted)
        assert self.send(order).accepted == fits
        if not fits:
            return multiple()
        self.shop.holds[order.command.id] = Held(store, wanted)
        return order.command.id

    @rule(target=holds, old=holds, wanted=units)
    def a_cart_changes(self, old: UUID, wanted: dict[str, int]) -> object:
        held = self.shop.holds[old]
        order = holding(held.store_id, wanted, replaces=old)
        possible = held.ended != "CONFIRMED" and self.shop.has(held.store_id, wanted, but=old)
        assert self.send(order).accepted == possible
        if not possible:
            return multiple()
        held.ended = held.ended or ("EXPIRED" if held.dead else "CANCELLED")
        self.shop.holds[order.command.id] = Held(held.store_id, wanted)
        return order.command.id

    @rule(target=sales, store=stores, wanted=units)
    def something_is_sold(self, store: str, wanted: dict[str, int]) -> object:
        order, fits = selling(store, wanted), self.shop.has(store, wanted)
        assert self.send(order).accepted == fits
        if not fits:
            return multiple()
        self.shop.take(store, wanted)
        self.shop.sales[order.command.id] = Sold(store, wanted)
        return order.command.id

    @rule(sale=sales, line=st.integers(1, 3), quantity=st.integers(1, 4), condition=st.sampled_from(Condition))
    def units_come_back(self, sale: UUID, line: int, quantity: int, condition: Condition) -> None:
        sold = self.shop.sales[sale]
        lines = (ReturnLine(line, quantity, condition),)
        order = ReturnSale(id=new_id(), store_id=sold.store_id, sale_id=sale, lines=lines, refund_by=TenderKind.CASH)
        product = list(sold.units)[line - 1] if line <= len(sold.units) else ""
        left = sold.units.get(product, 0) - sold.back.get(product, 0)
        fits = not sold.voided and quantity <= left
        assert self.send(request(order)).accepted == fits
        if fits:
            sold.back[product] = sold.back.get(product, 0) + quantity
            self.shop.take(sold.store_id, {product: -quantity})
            if condition is Condition.DAMAGED:
                key = (sold.store_id, product)
                self.shop.unavailable[key] = self.shop.unavailable.get(key, 0) + quantity

    @rule(sale=sales)
    def a_sale_is_voided(self, sale: UUID) -> None:
        sold = self.shop.sales[sale]
        order = VoidSale(
            id=new_id(), store_id=sold.store_id, sale_id=sale, reason="twice", approved_by="luis", time_zone=noon()
        )
        fits = not sold.voided and not sold.back
        assert self.send(request(order)).accepted == fits
        if fits:
            sold.voided = True
            self.shop.take(sold.store_id, {product: -n for product, n in sold.units.items()})

    @rule(hold=holds, more=units)
    def a_held_cart_is_sold(self, hold: UUID, more: dict[str, int]) -> None:
        held = self.shop.holds[hold]
        possible = held.ended != "CONFIRMED" and self.shop.has(held.store_id, more, but=hold)
        assert self.send(selling(held.store_id, more, hold)).accepted == possible
        if possible:
            held.ended = held.ended or ("EXPIRED" if held.dead else "CONFIRMED")
            self.shop.take(held.store_id, more)

    @rule(hold=holds, how=st.sampled_from([confirm, cancel]))
    def a_hold_ends(self, hold: UUID, how: object) -> None:
        held = self.shop.holds[hold]
        order = (confirm if how is confirm else cancel)(hold, held.store_id)
        possible = not held.ended and not held.dead
        assert self.send(order).accepted == possible
        if possible:
            held.ended = "CONFIRMED" if how is confirm else "CANCELLED"
            if how is confirm:
                self.shop.take(held.store_id, held.units)

    @rule(hold=holds)
    def a_hold_is_extended(self, hold: UUID) -> None:
        held = self.shop.holds[hold]
        possible = not held.ended and not held.dead
        assert self.send(extend(hold, 900, held.store_id)).accepted == possible
        if possible:
            held.version += 1

    @rule(hold=holds)
    def a_deadline_passes(self, hold: UUID) -> None:
        held = self.shop.holds[hold]
        if not held.ended:
            held.dead = True
            rows = tables.reservations

            async def bury() -> None:
                async with self.database.writer.begin() as connection:
                    late = update(rows).where(rows.c.id == hold).values(expires_at=rows.c.created_at)
                    await connection.execute(late)

            self.run(bury())

    @rule(hold=holds)
    def the_sweep_comes(self, hold: UUID) -> None:
        held = self.shop.holds[hold]
        if held.dead:
            expire = Expire(id=expiry_command_id(hold, held.version), store_id=held.store_id, reservation_id=hold)
            self.run(self.ledger.submit(request(expire)))
            held.ended = held.ended or "EXPIRED"

    @rule(store=stores, product=st.sampled_from(PRODUCTS), terminal=st.sampled_from(("T1", "T2")), n=st.integers(1, 6))
    def a_terminal_asks_for_units(self, store: str, product: str, terminal: str, n: int) -> None:
        # Another number of what it has already, or the first ones.
        own = next((i for i, x in self.shop.allotted.items() if x.place == (store, product, terminal)), None)
        former = self.shop.allotted[own].units if own else 0
        order = Allot(id=new_id(), store_id=store, product_id=product, quantity=n, allotment_id=own)
        granted = min(n, former + self.run(self._free(store, product)))
        answer = self.send(Request(order, Who("ana", terminal)))
        assert (answer.allotment.quantity if answer.allotment else 0) == granted
        if answer.allotment:
            assert answer.allotment.id == (own or order.id)
            self.shop.allotted[answer.allotment.id] = Allotted((store, product, terminal), granted)

    @rule(
        pick=st.integers(0, 10**6), n=st.integers(1, 6), more=st.integers(0, 2), terminal=st.sampled_from(("T1", "T2"))
    )
    def a_sale_draws(self, pick: int, n: int, more: int, terminal: str) -> None:
        if not self.shop.allotted:
            return
        id_ = sorted(self.shop.allotted)[pick % len(self.shop.allotted)]
        allotted = self.shop.allotted[id_]
        store, product, owner = allotted.place
        own = min(n, allotted.units) if terminal == owner else 0
        lines = (SaleLine(product, n + more, 100),)
        order = Sell(id=new_id(), store_id=store, lines=lines, draws=(Draw(id_, product, n),))
        fits = self.shop.free(store, product) >= n + more - own
        answer = self.send(Request(order, Who("ana", terminal)))
        assert answer.accepted == fits
        if fits:
            assert sum(x.quantity for x in answer.draws) == own
            allotted.units -= own
            self.shop.take(store, {product: n + more})
            if not allotted.units:
                self.shop.gone.append(id_)
                del self.shop.allotted[id_]

    @rule(pick=st.integers(0, 10**6), reclaimed=st.booleans())
    def units_are_given_back(self, pick: int, reclaimed: bool) -> None:
        known = sorted(self.shop.allotted) + self.shop.gone
        if not known:
            return
        id_ = known[pick % len(known)]
        store, _, owner = self.shop.allotted[id_].place if id_ in self.shop.allotted else ("292", "", "T1")
        order: Command = AllotRelease(id=new_id(), store_id=store, allotment_id=id_)
        if reclaimed:
            order = AllotReclaim(id=new_id(), store_id=store, allotment_id=id_, reason="broken")
        who = Who("eva", "T3") if reclaimed else Who("ana", owner)
        assert self.send(Request(order, who)).accepted == (id_ in self.shop.allotted)
        if self.shop.allotted.pop(id_, None):
            self.shop.gone.append(id_)

    @rule(pick=st.integers(0, 10**6))
    def an_old_command_comes_again(self, pick: int) -> None:
        if self.sent:
            order, answer = self.sent[pick % len(self.sent)]
            assert self.run(self.ledger.submit(order)) == answer

    @invariant()
    def both_agree(self) -> None:
        rows, statuses = self.run(self._stored())
        for (store, product), (on_hand, reserved, *others) in rows.items():
            key = (store, product)
            assert on_hand == self.shop.on_hand.get(key, 0)
            assert others == [self.shop.unavailable[key], self.shop.allocated[key], self.shop.incoming[key]]
            kept = sum(
                hold.units.get(product, 0)
                for id_, hold in self.shop.holds.items()
                if hold.store_id == store and statuses[id_] == "PENDING"
            ) + self.shop.allotted_units(store, product)
            assert reserved == kept, "dead holds count until somebody ends them, and not after"
        for id_, hold in self.shop.holds.items():
            # A shortage may have ended a dead hold before anybody asked for it.
            assert statuses[id_] in (
                {"PENDING", "EXPIRED"} if hold.dead and not hold.ended else {hold.ended or "PENDING"}
            )

    @invariant()
    def the_database_proves_itself(self) -> None:
        assert not self.run(prove(self.database)).drifts

    async def _stored(self) -> tuple[dict[tuple[str, str], tuple[int, ...]], dict[UUID, str]]:
        stock, held = tables.stock.c, tables.reservations.c
        others = (stock.unavailable, stock.allocated, stock.incoming)
        async with self.database.engine.connect() as connection:
            rows = await connection.execute(
                select(stock.store_id, stock.product_id, stock.on_hand, stock.reserved, *others)
            )
            statuses = await connection.execute(select(held.id, held.status).where(held.expires_at < NEVER))
            return {(r[0], r[1]): tuple(r[2:]) for r in rows}, {s.id: s.status for s in statuses}

    async def _free(self, store_id: str, product_id: str) -> int:
        """What the ledger has to give: dead holds count until somebody ends them."""
        rows, _ = await self._stored()
        on_hand, reserved, unavailable, allocated, _ = rows.get((store_id, product_id), (0,) * 5)
        return on_hand - unavailable - allocated - reserved

    async def _version(self, store_id: str, product_id: str) -> int:
        stock = tables.stock.c
        of_row = (stock.store_id == store_id) & (stock.product_id == product_id)
        async with self.database.engine.connect() as connection:
            return await connection.scalar(select(stock.version).where(of_row)) or 0


@pytest.mark.slow
def test_the_ledger_agrees_with_a_plain_dict(database_url: str) -> None:
    machine = type("LedgerMachine", (LedgerMachine,), {"url": database_url})
    quiet = settings(max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=quiet)
