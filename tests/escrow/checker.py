"""Looks at a simulated fleet after every step, and says what must be true of it at all times and at its end."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from backend.ledger.rows import Writes
from backend.model.answers import Answer
from backend.model.commands import Command
from backend.model.reservations import Status
from backend.model.shortfalls import SHORTFALL, ShortfallBody
from backend.model.stock import Who
from backend.model.verbs.allot_reclaim import AllotReclaim
from backend.model.verbs.receive import Receive
from backend.model.verbs.sell import Sell

from .memory import MemoryDatabase
from .till import Till, drawn_in


class Checker:
    """Knows what was sent, and compares what there is with what there may be."""

    def __init__(self, tills: Sequence[Till]) -> None:
        self.tills = tills
        self.database: MemoryDatabase
        self.sent: dict[UUID, Command] = {}
        """Every command that any server was given."""
        self.reclaimed: set[UUID] = set()
        self.received: Counter[str] = Counter()
        self.sold: Counter[UUID] = Counter()
        """Sale → how often the ledger has recorded it."""
        self.short: Counter[str] = Counter()
        self.cases = 0
        self.log: list[tuple[Command, Who, Answer]] = []
        """What was committed, in order."""

    def committed(self, writes: Writes) -> None:
        """Looks at a commit, and at all rows after it."""
        for row in writes.commands:
            command = self.sent[row.id]
            self.log.append((command, Who(row.actor, row.terminal_id), row.answer))
            if isinstance(command, AllotReclaim) and row.answer.accepted:
                self.reclaimed.add(command.allotment_id)
            if isinstance(command, Receive):
                self.received.update({line.product_id: line.quantity for line in command.lines})
            if isinstance(command, Sell) and row.answer.accepted:
                self.sold[command.id] += 1
                self._check_guarantee(command, row.answer)
        self.check()

    def _check_guarantee(self, sale: Sell, answer: Answer) -> None:
        """A guaranteed sale is short of nothing but units of allotments that somebody has reclaimed."""
        cases = [x.read(ShortfallBody) for x in answer.documents if x.kind == SHORTFALL.name]
        self.cases += len(cases)
        for case in cases:
            self.short.update({line.product_id: line.short for line in case.lines})
            if not case.offline.guaranteed:
                continue
            lost = [draw.quantity for draw in sale.draws or () if draw.allotment_id in self.reclaimed]
            short = sum(line.short for line in case.lines)
            assert short <= sum(lost), f"the guaranteed sale {sale.receipt_number} is short of {short} units"

    def check(self) -> None:
        """Holds the server's rows against each other, and what terminals count on against what the server keeps."""
        database = self.database
        allotted: Counter[UUID] = Counter()
        reserved: Counter[str] = Counter()
        for hold in database.holds.values():
            if hold.status is Status.PENDING:
                allotted[hold.id] = hold.lines[0].quantity
                reserved[hold.lines[0].product_id] += hold.lines[0].quantity
        counted_on: Counter[str] = Counter()
        for till in self.tills:
            drawn = drawn_in(till.disk.queue, database.recorded)
            for one in till.escrow.kept:
                drawn[one.id] += one.free
            for allotment_id, units in drawn.items():
                if allotment_id in self.reclaimed:
                    continue
                kept = allotted[allotment_id]
                name = till.who.terminal_id
                assert units <= kept, f"{name} counts on {units} units of an allotment that has {kept}"
                if units:
                    counted_on[database.holds[allotment_id].lines[0].product_id] += units
        for (_, product_id), row in database.stock.items():
            assert min(row.on_hand, row.reserved, row.available) >= 0, row
            assert row.reserved == reserved[product_id], row
            gone = self.received[product_id] - row.on_hand
            promised = gone + counted_on[product_id]
            assert promised <= self.received[product_id], f"{promised} of {product_id} are sold or promised"

    def check_end(self) -> None:
        """Everything was told: each sale is there once, and every terminal keeps what the server keeps for it."""
        shown = Counter(sale.id for till in self.tills for sale in till.disk.shown)
        assert shown == self.sold, "receipts that customers have are not the sales of the ledger"
        assert not any(till.disk.queue for till in self.tills)
        database = self.database
        units: Counter[str] = Counter()
        for sale_id in self.sold:
            sale = self.sent[sale_id]
            assert isinstance(sale, Sell)
            units.update({line.product_id: line.quantity for line in sale.lines})
        for (_, product_id), row in database.stock.items():
            moved = self.received[product_id] - row.on_hand
            assert moved == units[product_id] - self.short[product_id], f"units of {product_id} are lost or doubled"
        kept_here = {(till.who.terminal_id, x.id): x.quantity for till in self.tills for x in till.escrow.kept}
        kept_there = {
            (hold.terminal_id, hold.id): hold.lines[0].quantity
            for hold in database.holds.values()
            if hold.status is Status.PENDING
        }
        known = {key: n for key, n in kept_here.items() if key[1] not in self.reclaimed}
        assert known == kept_there, "terminals and server keep different allotments"
