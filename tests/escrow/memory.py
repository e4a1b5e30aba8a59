"""A database in memory for simulations: what the ledger reads and writes, under the same optimistic locks.

Several servers drive the ledger's own procedure against it, one step at a time, so that a simulation decides who reads
and who commits when.
"""

from collections.abc import Callable, Generator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from msgspec import json, structs

from backend.ledger.asking import (
    Asked,
    DueHold,
    Keepers,
    NamedDocuments,
    NamedSales,
    Needs,
    Recorded,
    Settled,
    Snapshot,
    Ticket,
)
from backend.ledger.errors import Conflict
from backend.ledger.rows import AllotmentRow, HoldRow, Writes
from backend.ledger.settle import settle
from backend.model.books import Books, Sale
from backend.model.documents import Document
from backend.model.recalls import KeptUnits
from backend.model.reservations import HeldLine, Reservation, Status
from backend.model.stock import Key, StockRow

MORNING = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
Read = Snapshot | list[DueHold] | list[Document] | list[Sale] | list[KeptUnits]


class MemoryDatabase:
    """One store's rows. `committed` is called after each commit with what was written."""

    def __init__(self, store_id: str, products: Sequence[str], committed: Callable[[Writes], None]) -> None:
        self.now = MORNING
        self.store_id, self.committed = store_id, committed
        self.stock: dict[Key, StockRow] = {(store_id, p): StockRow(store_id, p) for p in products}
        self.holds: dict[UUID, Reservation] = {}
        self.allotments: dict[UUID, AllotmentRow] = {}
        self.documents: dict[UUID, Document] = {}
        self.recorded: dict[UUID, Recorded] = {}
        self.receipts: set[str] = set()

    def read(self, asked: Asked) -> Read:
        """Returns what the procedure asks for, as it is now."""
        if isinstance(asked, Needs):
            return self._snapshot(asked)
        if isinstance(asked, NamedDocuments):
            return [self.documents[id_] for id_ in asked.ids if id_ in self.documents]
        if isinstance(asked, Keepers):
            return [
                KeptUnits(
                    x.id,
                    x.store_id,
                    x.product_id,
                    x.terminal_id,
                    hold.lines[0].quantity,
                    x.wanted,
                    x.wanted_at,
                    x.due_at,
                )
                for x in self.allotments.values()
                if (hold := self.holds[x.id]).status is Status.PENDING and (x.store_id, x.product_id) in asked.stock
            ]
        assert not isinstance(asked, NamedSales)  # no simulated command names a sale
        return []  # there are no holds that end by a deadline

    def _snapshot(self, needs: Needs) -> Snapshot:
        held = {id_: self.holds[id_] for _, id_ in needs.reservations if id_ in self.holds}
        keys = {*needs.stock, *[(x.store_id, line.product_id) for x in held.values() for line in x.lines]}
        books = Books({key: self.stock[key] for key in keys if key in self.stock}, {self.store_id}, held)
        recorded = {id_: self.recorded[id_] for id_ in needs.commands if id_ in self.recorded}
        return Snapshot(self.now, books, recorded)

    def commit(self, writes: Writes) -> None:
        """Writes all of a batch. Raises Conflict, and has written nothing, if a row is not as it was read."""
        guarded = (
            all(self.stock[x.store_id, x.product_id].version == x.was for x in (*writes.stock, *writes.new_stock))
            and all(self.holds[x.id].version == x.was for x in writes.reservations)
            and all(self.holds[x.id].status is Status.PENDING for x in writes.reservations)
            and not any(x.id in self.holds for x in writes.new_reservations)
            and all(self.documents[x.id].version == x.was for x in writes.documents)
            and not any(x.id in self.documents for x in writes.new_documents)
            and not any(x.id in self.recorded for x in writes.commands)
        )
        if not guarded:
            raise Conflict("a row's version moved")
        for row in (*writes.new_stock, *writes.stock):
            counters = [getattr(row, name) for name in StockRow.__struct_fields__]
            self.stock[row.store_id, row.product_id] = StockRow(*counters)
        for _, rows in groupby(writes.new_reservations, attrgetter("id")):
            hold = _hold_of(list(rows))
            self.holds[hold.id] = hold
        for change in writes.reservations:
            lines = (HeldLine(change.product_id, change.quantity, change.confirmed),)
            fields = {"lines": lines, "status": Status(change.status), "version": change.version}
            self.holds[change.id] = structs.replace(self.holds[change.id], **fields)
        self.allotments.update({row.id: row for row in writes.allotments})
        for recall in writes.recalls:
            asked = {"wanted": recall.wanted, "wanted_at": recall.wanted_at}
            self.allotments[recall.id] = structs.replace(self.allotments[recall.id], **asked)
        for document in writes.new_documents:
            self.documents[document.id] = document
        for step in writes.documents:
            fields = {name: getattr(step, name) for name in ("status", "reference", "updated_at", "version", "body")}
            self.documents[step.id] = structs.replace(self.documents[step.id], **fields)
        for command in writes.commands:
            answer = json.encode(command.answer).decode()
            self.recorded[command.id] = Recorded(command.store_id, command.fingerprint, answer)
        for sale in writes.sales:
            assert sale.receipt_number not in self.receipts, f"receipt {sale.receipt_number} was given twice"
            self.receipts.add(sale.receipt_number)
        self.committed(writes)


def settling(database: MemoryDatabase, tickets: Sequence[Ticket]) -> Generator[None, None, Settled]:
    """Settles a batch, and yields wherever another server may read or commit, or this one may die.

    Raises Conflict like a database, and NeedsOneByOne like `settle`.
    """
    procedure = settle(tickets)
    try:
        asked = next(procedure)
        while True:
            yield
            asked = procedure.send(database.read(asked))
    except StopIteration as stop:
        settled: Settled = stop.value
    yield
    database.commit(settled.writes)
    return settled


def _hold_of(rows: Sequence[HoldRow]) -> Reservation:
    one = rows[0]
    return Reservation(
        id=one.id,
        store_id=one.store_id,
        status=Status(one.status),
        lines=tuple([HeldLine(x.product_id, x.quantity, x.confirmed) for x in rows]),
        expires_at=one.expires_at,
        customer_id=one.customer_id,
        actor=one.actor,
        terminal_id=one.terminal_id,
        created_at=one.created_at,
        updated_at=one.updated_at,
        version=one.version,
    )
