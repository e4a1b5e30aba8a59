"""The other verbs beside the longer machine's: pickups, approvals, shifts, proposals and repairs.

With the machine of transfers, all verbs of the registry are in a machine; a test compares them.
"""

import types
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, multiple, rule, run_state_machine_as_test
from msgspec import to_builtins
from sqlalchemy import update

from backend.database import tables
from backend.ids import new_id
from backend.model.alert_marks import MarkStatus
from backend.model.books import Request
from backend.model.commands import Command, SaleLine
from backend.model.shortfalls import Offline
from backend.model.stock import Who
from backend.model.tenders import Tender, TenderKind
from backend.model.verbs import VERBS
from backend.model.verbs.adjust import Adjust
from backend.model.verbs.alert_mark import AlertMark
from backend.model.verbs.approval_grant import ApprovalGrant
from backend.model.verbs.approval_refuse import ApprovalRefuse
from backend.model.verbs.approval_request import ApprovalRequest
from backend.model.verbs.count_task_done import CountTaskDone
from backend.model.verbs.hold_elsewhere import HoldElsewhere
from backend.model.verbs.hold_ended import HoldEnded
from backend.model.verbs.hold_found import HoldFound
from backend.model.verbs.hold_missing import HoldMissing
from backend.model.verbs.hold_withdraw import HoldWithdraw
from backend.model.verbs.proposal_close import ProposalClose, ProposalOutcome
from backend.model.verbs.propose import Propose
from backend.model.verbs.refusal_settle import RefusalSettle
from backend.model.verbs.repair import Differences, Repair
from backend.model.verbs.return_goods import GoodsLine, ReturnGoods
from backend.model.verbs.sell import Sell
from backend.model.verbs.shift_close import ShiftClose
from backend.model.verbs.shift_open import ShiftOpen
from backend.model.verbs.shift_pay_in import ShiftPayIn
from backend.model.verbs.shift_pay_out import ShiftPayOut
from tests.shortfalls import test_state_machine as facts_machine
from tests.transfers import book
from tests.transfers import test_state_machine as transfers_machine

from . import shop, test_longer_machine, test_state_machine
from .test_longer_machine import LongerMachine, lines_of, products
from .test_state_machine import Held, stores, units

LUIS = Who("luis", "T2")
SCARCE = {"tea": 100, "jam": 100, "milk": 100}
"""Prices of approvals."""


@dataclass
class Waiting:
    """An approval as the dict sees it: units that are corrected, or that come back."""

    store: str
    product: str
    change: int
    comes_back: bool
    decided: bool = False


class LongestMachine(LongerMachine):
    """Adds what its parents have not."""

    pickups = Bundle("pickups")
    tasks = Bundle("tasks")
    approvals = Bundle("approvals")
    shifts = Bundle("shifts")
    proposals = Bundle("proposals")

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[UUID, str] = {}
        """Pickup → what its store has said."""
        self.to_count: dict[UUID, tuple[str, bool]] = {}
        """Count task → its store, and whether somebody has counted."""
        self.waiting: dict[UUID, Waiting] = {}
        self.drawers: dict[UUID, tuple[str, bool]] = {}
        """Shift → its store, and whether it is open."""
        self.proposed: dict[UUID, tuple[str, bool]] = {}

    def lives(self, id_: UUID) -> bool:
        held = self.shop.holds[id_]
        return not held.ended and not held.dead

    # pickups

    @rule(targets=(LongerMachine.holds, pickups), store=stores, asking=stores, wanted=units)
    def another_store_asks(self, store: str, asking: str, wanted: dict[str, int]) -> object:
        command = HoldElsewhere(
            id=new_id(), store_id=store, for_store_id=asking, lines=lines_of(wanted), ttl_seconds=900, reason="vega"
        )
        if not self.agrees(command, store != asking and self.shop.has(store, wanted)):
            return multiple()
        self.shop.holds[command.id] = Held(store, wanted)
        self.asked[command.id] = "asked"
        return command.id

    @rule(id_=pickups, longer=st.booleans())
    def it_is_found(self, id_: UUID, longer: bool) -> None:
        held = self.shop.holds[id_]
        command = HoldFound(id=new_id(), store_id=held.store_id, pickup_id=id_, ttl_seconds=900 if longer else None)
        if self.agrees(command, self.asked[id_] in ("asked", "missing") and self.lives(id_)):
            self.asked[id_] = "found"
            held.version += longer

    @rule(target=tasks, id_=pickups, keep=st.booleans())
    def it_is_missing(self, id_: UUID, keep: bool) -> object:
        held = self.shop.holds[id_]
        command = HoldMissing(id=new_id(), store_id=held.store_id, pickup_id=id_, keep=keep)
        if not self.agrees(command, self.asked[id_] in ("asked", "found")):
            return multiple()
        self.asked[id_] = "missing"
        if not keep and self.lives(id_):
            held.ended = "CANCELLED"
        self.to_count[command.id] = (held.store_id, False)
        return command.id

    @rule(id_=tasks)
    def it_is_counted(self, id_: UUID) -> None:
        store, done = self.to_count[id_]
        self.agrees(CountTaskDone(id=new_id(), store_id=store, count_task_id=id_, reason="none"), not done)
        self.to_count[id_] = (store, True)

    @rule(id_=pickups)
    def it_is_wanted_no_more(self, id_: UUID) -> None:
        held = self.shop.holds[id_]
        asking = next(store for store in shop.STORES if store != held.store_id)
        command = HoldWithdraw(id=new_id(), store_id=held.store_id, for_store_id=asking, pickup_id=id_)
        if self.agrees(command, self.lives(id_)):
            held.ended, self.asked[id_] = "CANCELLED", "withdrawn"

    @rule(id_=pickups)
    def it_is_seen_to_be_over(self, id_: UUID) -> None:
        held = self.shop.holds[id_]
        if held.dead and not held.ended:
            return  # whether somebody has ended it yet, the dict does not know
        command = HoldEnded(id=new_id(), store_id=held.store_id, pickup_id=id_)
        if self.agrees(command, bool(held.ended) and self.asked[id_] in ("asked", "found", "missing")):
            self.asked[id_] = "over"

    # approvals

    @rule(target=approvals, store=stores, product=products, change=st.integers(-4, 4).filter(bool), back=st.booleans())
    def somebody_asks_for_approval(self, store: str, product: str, change: int, back: bool) -> object:
        wanted = Waiting(store, product, abs(change) if back else change, back)
        id_ = new_id()
        inner: Command = Adjust(id=id_, store_id=store, product_id=product, adjustment=change, reason="count")
        if back:
            inner = ReturnGoods(id=id_, store_id=store, lines=(GoodsLine(product, abs(change), 100),), reason="gift")
        command = ApprovalRequest(id=id_, store_id=store, command=to_builtins(inner), reason="look", price_cents=SCARCE)
        if not self.agrees(command, self.fits(wanted)):
            return multiple()
        self.waiting[id_] = wanted
        return id_

    def fits(self, wanted: Waiting) -> bool:
        return self.shop.free(wanted.store, wanted.product) + wanted.change >= 0

    @rule(id_=approvals)
    def it_is_granted(self, id_: UUID) -> None:
        waiting = self.waiting[id_]
        possible = not waiting.decided and self.fits(waiting)
        command = ApprovalGrant(id=new_id(), store_id=waiting.store, approval_id=id_)
        answer = self.send(Request(command, LUIS))
        assert answer.accepted == possible, answer.refusal
        if possible:
            waiting.decided = True
            self.shop.take(waiting.store, {waiting.product: -waiting.change})

    @rule(id_=approvals)
    def it_is_refused(self, id_: UUID) -> None:
        waiting = self.waiting[id_]
        self.agrees(
            ApprovalRefuse(id=new_id(), store_id=waiting.store, approval_id=id_, reason="no"), not waiting.decided
        )
        waiting.decided = True

    # shifts

    @rule(target=shifts, store=stores)
    def a_shift_begins(self, store: str) -> object:
        command = ShiftOpen(id=new_id(), store_id=store, terminal_id="T1", float_cents=100)
        if not self.agrees(command, (store, True) not in self.drawers.values()):
            return multiple()
        self.drawers[command.id] = (store, True)
        return command.id

    @rule(id_=shifts, kind=st.sampled_from([ShiftPayIn, ShiftPayOut]))
    def cash_moves(self, id_: UUID, kind: type[ShiftPayIn] | type[ShiftPayOut]) -> None:
        store, is_open = self.drawers[id_]
        self.agrees(kind(id=new_id(), store_id=store, shift_id=id_, amount_cents=5, reason="coins"), is_open)

    @rule(id_=shifts)
    def a_shift_ends(self, id_: UUID) -> None:
        store, is_open = self.drawers[id_]
        self.agrees(ShiftClose(id=new_id(), store_id=store, terminal_id="T1", shift_id=id_, counted_cents=100), is_open)
        self.drawers[id_] = (store, False)

    # refused sales

    @rule(store=stores, product=products)
    def a_refused_sale_of_an_outage_is_settled_once(self, store: str, product: str) -> None:
        wrong = (Tender(TenderKind.CASH, 1),)
        line, told = SaleLine(product, 1, 100), Offline(sequence=1)
        sale = Sell(id=new_id(), store_id=store, lines=(line,), tenders=wrong, offline=told)
        self.agrees(sale, possible=False)
        for possible in (True, False):
            self.agrees(RefusalSettle(id=new_id(), store_id=store, sale_id=sale.id, reason="told"), possible)

    # proposals, repairs, alerts

    @rule(store=stores, subject=products, status=st.sampled_from(list(MarkStatus)), hours=st.none() | st.just(1))
    def an_alert_is_marked(self, store: str, subject: str, status: MarkStatus, hours: int | None) -> None:
        command = AlertMark(
            id=new_id(),
            store_id=store,
            rule="drift",
            subject=subject,
            since=datetime.now(UTC),
            status=status,
            hours=hours,
            owner="eva" if status is MarkStatus.ASSIGNED else "",
        )
        self.agrees(command, (status is MarkStatus.SNOOZED) == (hours is not None))

    @rule(target=proposals, store=stores, wanted=units)
    def a_purchase_is_proposed(self, store: str, wanted: dict[str, int]) -> UUID:
        command = Propose(id=new_id(), store_id=store, lines=lines_of(wanted))
        self.agrees(command, possible=True)
        self.proposed[command.id] = (store, True)
        return command.id

    @rule(id_=proposals, outcome=st.sampled_from(list(ProposalOutcome)))
    def a_proposal_is_closed(self, id_: UUID, outcome: ProposalOutcome) -> None:
        store, is_open = self.proposed[id_]
        self.agrees(ProposalClose(id=new_id(), store_id=store, proposal_id=id_, outcome=outcome), is_open)
        self.proposed[id_] = (store, False)

    @rule(store=stores, product=products)
    def somebody_edits_the_books_and_it_is_repaired(self, store: str, product: str) -> None:
        s = tables.stock

        async def edit() -> None:
            async with self.database.writer.begin() as connection:
                row = (s.c.store_id == store) & (s.c.product_id == product)
                await connection.execute(update(s).where(row).values(incoming=s.c.incoming + 1))

        self.run(edit())
        version = self.run(self._version(store, product))
        found, right = Differences(incoming=1), Differences(incoming=-1)
        command = Repair(
            id=new_id(),
            store_id=store,
            product_id=product,
            expected_version=version,
            drifted=found,
            correction=right,
            reason="incoming",
        )
        self.agrees(command, possible=True)


@pytest.mark.slow
def test_everything_agrees_with_a_plain_dict(database_url: str) -> None:
    machine = type("LongestMachine", (LongestMachine,), {"url": database_url})
    quiet = settings(max_examples=10, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=quiet)


def test_every_verb_of_the_registry_is_in_a_machine() -> None:
    """Whoever adds a verb adds a rule: a machine names the command of each verb."""
    here: Mapping[str, object] = globals()
    modules: list[types.ModuleType] = [
        shop,
        test_state_machine,
        test_longer_machine,
        transfers_machine,
        facts_machine,
        book,
    ]
    named = {id(value) for names in (here, *map(vars, modules)) for value in names.values()}
    assert [
        verb.name for kind, verb in VERBS.items() if kind.__module__.startswith("backend.") and id(kind) not in named
    ] == []
