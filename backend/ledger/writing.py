"""What the effects of a batch are as rows of tables: each row once, as the last of its commands left it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import UNSET

from backend.model.answers import Answer, Code
from backend.model.books import Books, Effect, Refund, Sale
from backend.model.commands import Command, kind_of
from backend.model.documents import Document
from backend.model.reservations import Reservation
from backend.model.stock import Key, Levels, StockRow, Who
from backend.model.verbs import VERBS
from backend.model.verbs.expire import Expire

from .asking import Ticket
from .rows import (
    AllotmentRow,
    CommandRow,
    DocumentChange,
    DrawRow,
    HoldChange,
    HoldRow,
    LinePricingRow,
    Place,
    SaleLineRow,
    SaleRow,
    StockChange,
    Writes,
    tender_row,
)


def writes_of(books: Books, tickets: Sequence[Ticket], effects: Sequence[Effect], now: datetime) -> Writes:
    """Returns the rows to write for the tickets, whose effects are these."""
    writes = Writes()
    stock: dict[Key, StockRow] = {}
    holds: dict[UUID, Reservation] = {}
    levels: dict[Key, Levels] = {}
    documents: dict[UUID, Document] = {}
    allotments: dict[UUID, AllotmentRow] = {}
    for ticket, effect in zip(tickets, effects, strict=True):
        command, who, answer = ticket.request.command, ticket.request.who, effect.answer
        for row in answer.stock:
            stock[row.store_id, row.product_id] = row
        writes.movements.extend(effect.movements)
        for hold in effect.reservations:
            holds[hold.id] = hold
        for document in answer.documents:
            documents[document.id] = document
        if effect.sale:
            _add_sale(writes, effect.sale)
        if effect.refund:
            _add_refund(writes, effect.refund, command, who, now)
        if (made := answer.allotment) is not None:
            allotments[made.id] = AllotmentRow(made.id, made.store_id, made.product_id, made.terminal_id, made.due_at)
        if answer.draws:
            writes.draws.extend(_draw_rows(command, answer))
        if isinstance(command, Expire) and answer.refusal:
            continue  # no client waits for it, and its id must stay free: the same hold may fall due once more
        if answer.refusal and answer.refusal.code is Code.APPROVAL_NEEDED:
            continue  # it waits for somebody: the same command can be put before them, under its id
        rest = (kind_of(command), ticket.fingerprint, answer, who.actor, who.terminal_id, now)
        writes.commands.append(CommandRow(command.id, command.store_id, *rest))
        if VERBS[type(command)].spans_stores:
            # Each store has the cause of its own movements.
            others = dict.fromkeys(row.store_id for row in answer.stock if row.store_id != command.store_id)
            writes.commands.extend(CommandRow(command.id, other, *rest) for other in others)
        if answer.levels:
            levels[answer.levels.store_id, answer.levels.product_id] = answer.levels
    for key in sorted(stock):
        row, was = stock[key], books.stock[key].version
        counters = (row.on_hand, row.unavailable, row.allocated, row.reserved, row.incoming, row.version)
        (writes.stock if was else writes.new_stock).append(StockChange(*key, *counters, now, was))
    for hold in holds.values():
        before = books.reservations.get(hold.id)
        if before is None:
            writes.new_reservations.extend(_hold_rows(hold))
        else:
            writes.reservations.extend(_hold_changes(hold, before.version))
    writes.levels.extend(levels.values())
    writes.allotments.extend(allotments.values())
    for document in documents.values():
        read = books.documents.get(document.id)
        if read is None:
            writes.new_documents.append(document)
        else:
            writes.documents.append(_document_change(document, read.version))
    return writes


def _document_change(document: Document, was: int) -> DocumentChange:
    tail = (document.status, document.reference, document.updated_at, document.version, document.body, was)
    return DocumentChange(document.id, document.store_id, *tail)


def _add_sale(writes: Writes, sale: Sale) -> None:
    record = sale.record
    head = SaleRow(
        record.id,
        record.store_id,
        record.receipt_number,
        sale.terminal_id,
        sale.actor,
        record.total_cents,
        record.sold_at,
        sale.made_at,
    )
    writes.sales.append(head)
    lacking = sale.short or (0,) * len(sale.lines)
    for number, (line, short) in enumerate(zip(sale.lines, lacking, strict=True), 1):
        at = (record.id, record.store_id, number)
        row = SaleLineRow(*at, line.product_id, line.quantity, line.price_cents, short, line.price.per)
        writes.sale_lines.append(row)
        if (pricing := line.pricing) is not UNSET:
            tax = pricing.tax
            of_tax = (tax.rate_bp, tax.amount_cents, tax.included) if tax else (None, None, None)
            said = (pricing.list_price_cents, pricing.discount_reason, *of_tax)
            writes.sale_line_pricing.append(LinePricingRow(record.id, record.store_id, number, *said))
    for number, tender in enumerate(sale.tenders, 1):
        place = Place(record.id, record.store_id, number, record.id, sale.terminal_id, sale.actor, record.sold_at)
        writes.tenders.append(tender_row(place, tender, tender.amount_cents))


def _add_refund(writes: Writes, refund: Refund, command: Command, who: Who, now: datetime) -> None:
    for number, tender in enumerate(refund.tenders, 1):
        place = Place(command.id, command.store_id, number, refund.sale_id, who.terminal_id, who.actor, now)
        writes.tenders.append(tender_row(place, tender, -tender.amount_cents))


def _draw_rows(command: Command, answer: Answer) -> list[DrawRow]:
    return [DrawRow(command.id, command.store_id, x.allotment_id, x.product_id, x.quantity) for x in answer.draws]


def _hold_rows(hold: Reservation) -> list[HoldRow]:
    tail = (hold.status.value, hold.expires_at, hold.customer_id, hold.actor, hold.terminal_id)
    times = (hold.created_at, hold.updated_at, hold.version)
    return [
        HoldRow(hold.id, hold.store_id, line.product_id, line.quantity, line.confirmed, *tail, *times)
        for line in hold.lines
    ]


def _hold_changes(hold: Reservation, was: int) -> list[HoldChange]:
    tail = (hold.status.value, hold.expires_at, hold.updated_at, hold.version, was)
    return [
        HoldChange(hold.id, hold.store_id, line.product_id, line.quantity, line.confirmed, *tail) for line in hold.lines
    ]
