"""Rows as the ledger writes them: each struct's fields are the columns of its table, by name and in order."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import UNSET, Raw, Struct, structs

from backend.model.answers import Answer, SaleRecord
from backend.model.books import Books, Sale
from backend.model.commands import LinePricing, SaleLine, Tax
from backend.model.documents import Document
from backend.model.reservations import Reservation
from backend.model.stock import Key, Levels, Move, Movement, StockRow
from backend.model.tenders import Tender, TenderKind


class StockChange(Struct, frozen=True):
    """A stock row after the batch; `was` is the version that was read, the optimistic lock (0: a new row)."""

    store_id: str
    product_id: str
    on_hand: int
    unavailable: int
    allocated: int
    reserved: int
    incoming: int
    version: int
    updated_at: datetime
    was: int


class HoldRow(Struct, frozen=True):
    """One product of a new hold."""

    id: UUID
    store_id: str
    product_id: str
    quantity: int
    confirmed: int
    status: str
    expires_at: datetime
    customer_id: str
    actor: str
    terminal_id: str
    created_at: datetime
    updated_at: datetime
    version: int


class HoldChange(Struct, frozen=True):
    """One product of a hold that has changed; `was` is the version of the hold that was read."""

    id: UUID
    store_id: str
    product_id: str
    quantity: int
    confirmed: int
    status: str
    expires_at: datetime
    updated_at: datetime
    version: int
    was: int


class DocumentChange(Struct, frozen=True):
    """A document after a step; `was` is the version that was read."""

    id: UUID
    store_id: str
    status: str
    reference: str
    updated_at: datetime
    version: int
    body: Raw
    was: int


class CommandRow(Struct, frozen=True):
    """A command and its answer for good."""

    id: UUID
    store_id: str
    kind: str
    fingerprint: str
    answer: Answer
    """Stored as JSON."""
    actor: str
    terminal_id: str
    at: datetime


class SaleRow(Struct, frozen=True):
    """A sale's head."""

    id: UUID
    store_id: str
    receipt_number: str
    terminal_id: str
    actor: str
    total_cents: int
    sold_at: datetime
    made_at: datetime | None


class SaleLineRow(Struct, frozen=True):
    """A sale's line; lines count from 1."""

    sale_id: UUID
    store_id: str
    line: int
    product_id: str
    quantity: int
    price_cents: int
    short: int
    price_per: int


class LinePricingRow(Struct, frozen=True):
    """How the price of a sale's line came about; only for lines of which that was said."""

    sale_id: UUID
    store_id: str
    line: int
    list_price_cents: int | None
    discount_reason: str
    tax_rate_bp: int | None
    tax_cents: int | None
    tax_included: bool | None


class TenderRow(Struct, frozen=True):
    """Money that the sale or the return with this id took in, or, below zero, gave back."""

    id: UUID
    store_id: str
    number: int
    sale_id: UUID | None
    terminal_id: str
    actor: str
    kind: str
    amount_cents: int
    given_cents: int | None
    reference: str
    at: datetime


class AllotmentRow(Struct, frozen=True):
    """What is known of an allotment beside its hold; whoever makes or renews it has answered every recall."""

    id: UUID
    store_id: str
    product_id: str
    terminal_id: str
    due_at: datetime
    wanted: int = 0
    wanted_at: datetime | None = None


class RecallRow(Struct, frozen=True):
    """What a terminal is asked to give back of its allotment."""

    id: UUID
    store_id: str
    wanted: int
    wanted_at: datetime


class DrawRow(Struct, frozen=True):
    """Units that a sale has taken out of an allotment."""

    sale_id: UUID
    store_id: str
    allotment_id: UUID
    product_id: str
    quantity: int


class OutboxRow(Struct, frozen=True):
    """A message that waits to be published."""

    id: UUID
    store_id: str
    payload: Raw
    """JSON of a `backend.model.events.Message`."""
    created_at: datetime


class Writes(Struct):
    """All that a batch writes, in one transaction or not at all."""

    new_stock: list[StockChange] = []
    stock: list[StockChange] = []
    reservations: list[HoldChange] = []
    movements: list[Movement] = []
    levels: list[Levels] = []
    """New or changed, whole; guarded by the versions of their stock rows."""
    new_reservations: list[HoldRow] = []
    commands: list[CommandRow] = []
    sales: list[SaleRow] = []
    sale_lines: list[SaleLineRow] = []
    outbox: list[OutboxRow] = []
    new_documents: list[Document] = []
    documents: list[DocumentChange] = []
    sale_line_pricing: list[LinePricingRow] = []
    tenders: list[TenderRow] = []
    allotments: list[AllotmentRow] = []
    """New or renewed, whole; guarded by the versions of their holds."""
    draws: list[DrawRow] = []
    recalls: list[RecallRow] = []
    """Changes of allotments, not guarded: one that has ended or was renewed meanwhile is asked in vain."""


def document_of(row: tuple[Any, ...]) -> Document:
    """Returns the document of a row of its table, whose body is text there."""
    return Document(*row[:-1], body=Raw(row[-1].encode()))  # type: ignore[misc]  # all but the body


class Place(NamedTuple):
    """Which tender it is of which sale or return, and who took it where and when."""

    id: UUID
    store_id: str
    number: int
    sale_id: UUID | None
    terminal_id: str
    actor: str
    at: datetime


def tender_row(place: Place, tender: Tender, amount_cents: int) -> TenderRow:
    """Returns the row of a tender; its amount has the sign that it has for the drawer."""
    said = (tender.kind.value, amount_cents, tender.given_cents, tender.reference, place.at)
    return TenderRow(*place[:-1], *said)


def pricing_of(row: Sequence[Any]) -> LinePricing:
    """Returns what the columns of `sale_line_pricing` say, without those of its key."""
    list_price, discount_reason, rate, tax, included = row
    return LinePricing(list_price, discount_reason, None if rate is None else Tax(rate, tax, bool(included)))


def sale_line_of(row: Sequence[Any]) -> SaleLine:
    """Returns the line of a row of `sale_lines` joined with its pricing, all null where none was said."""
    product_id, quantity, price_cents, price_per, *pricing = row
    said = pricing[1] is not None
    per = UNSET if price_per == 1 else price_per
    return SaleLine(product_id, quantity, price_cents, pricing_of(pricing) if said else UNSET, per)


def tender_of(row: Sequence[Any]) -> Tender:
    """Returns the tender of a row; what was given back has its sign no more."""
    kind, amount_cents, given_cents, reference = row
    return Tender(TenderKind(kind), abs(amount_cents), given_cents, reference)


def sales_of(heads: Iterable[Any], lines: Iterable[Any], tenders: Iterable[Any]) -> list[Sale]:
    """Returns the sales of these rows; those of lines and tenders begin with their sale's id and are in order."""
    lines_of: dict[UUID, list[SaleLine]] = {}
    for sale_id, *line in lines:
        lines_of.setdefault(sale_id, []).append(sale_line_of(line))
    tenders_of: dict[UUID, list[Tender]] = {}
    for sale_id, *tender in tenders:
        tenders_of.setdefault(sale_id, []).append(tender_of(tender))
    found = []
    for id_, store_id, receipt_number, terminal_id, actor, total_cents, sold_at in heads:
        record = SaleRecord(id_, store_id, receipt_number, total_cents, sold_at)
        found.append(Sale(record, tuple(lines_of[id_]), actor, terminal_id, tuple(tenders_of.get(id_, ()))))
    return found


def add_stock(
    books: Books, store_id: str, product_id: str, counters: Sequence[Any], known_store: bool, known_product: bool
) -> None:
    """Adds a stock row to the books; `counters` end with its version, None for a row that does not exist yet."""
    if known_store:
        books.stores.add(store_id)
        if counters[-1] is not None:
            books.stock[store_id, product_id] = StockRow(store_id, product_id, *counters)
        elif known_product:
            books.stock[store_id, product_id] = StockRow(store_id, product_id)


def add_moves(books: Books, asked: Mapping[Key, int], rows: Iterable[tuple[Any, ...]]) -> None:
    """Adds movements to the books: `rows` are (store_id, product_id) and the fields of a Move, in order of version.

    What is younger than the stock row as it was read is left out: the batch is about that moment.
    """
    found: dict[Key, list[Move]] = {key: [] for key in asked}
    for store_id, product_id, *fields in rows:
        move, row = Move(*fields), books.stock.get((store_id, product_id))
        if row is not None and move.version <= row.version:
            found[store_id, product_id].append(move)
    books.moves = {key: tuple(moves) for key, moves in found.items()}


def add_hold_row(books: Books, hold: Reservation) -> None:
    """Adds a row of a hold, which has one line, to the books; the rows of a hold share all but that line."""
    before = books.reservations.get(hold.id)
    if before is not None:
        if before.store_id != hold.store_id:
            return  # two servers at once have taken one id for two stores: two holds, not one of both stores
        hold = structs.replace(hold, lines=before.lines + hold.lines)
    books.reservations[hold.id] = hold
