"""How one batch of commands is settled, without I/O: a generator that asks for rows and returns what to write.

The two databases differ in how they read and write, not in what is decided; so the procedure is written once and driven
by `ledger.postgres` (awaiting) and `ledger.sqlite` (in its own thread). It yields a `NamedDocuments` or a `NamedSales`
and is sent those that exist, a `Needs` and is sent the `Snapshot` for it, or a `DueHolds` and is sent the dead holds
found; it returns a `Settled`.
"""

from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

from msgspec import UNSET, Raw, Struct, json, structs

from backend.ids import expiry_command_id, new_id
from backend.model.answers import Answer, Code, Refusal, SaleRecord
from backend.model.books import Books, Effect, Refund, Request, Sale
from backend.model.commands import Command, kind_of
from backend.model.decide import decide_all
from backend.model.documents import Document
from backend.model.events import Message, Outgoing
from backend.model.forgetting import COMMANDS_KEPT, forgotten
from backend.model.reservations import Reservation
from backend.model.stock import Key, Levels, Movement, StockRow, Who
from backend.model.verbs import MOVEMENT_KINDS, VERBS
from backend.model.verbs.expire import Expire
from backend.model.verbs.verb import Documents, Rows

from .rows import (
    CommandRow,
    DocumentChange,
    HoldChange,
    HoldRow,
    LinePricingRow,
    OutboxRow,
    Place,
    SaleLineRow,
    SaleRow,
    StockChange,
    Writes,
    tender_row,
)

EXPIRY = Who("system:expiry")
MAX_PAYLOAD = 512 * 1024
"""Bytes of a message; a NATS server takes 1 MB unless it is told otherwise."""


class Ticket(Struct, frozen=True):
    """A request on its way through the ledger, with the fingerprint of its content."""

    request: Request
    fingerprint: str


class Needs(Struct, frozen=True):
    """The rows a batch wants to see: stock by key (in order), holds with the stock they hold, recorded commands.

    Holds are named with the store whose they must be. `levels` are to be read after their stock rows: then a change of
    them in between shows as a moved version.
    """

    stock: list[Key]
    reservations: list[tuple[str, UUID]]
    commands: list[UUID]
    levels: list[Key]
    moved_since: dict[Key, int] = {}
    """Rows of which a count wants the movements after a version; to be read after their stock rows."""


class NamedDocuments(Struct, frozen=True):
    """Asks for the documents with these ids, in order; those that do not exist are left out."""

    ids: list[UUID]


class NamedSales(Struct, frozen=True):
    """Asks for these sales by store and id, with their lines and tenders; those that do not exist are left out."""

    ids: list[tuple[str, UUID]]


class Recorded(Struct, frozen=True):
    """A command that has its answer already."""

    store_id: str
    fingerprint: str
    answer: str


class Snapshot(Struct):
    """The rows as read, and the database's clock at that moment, which is the time of every decision of the batch."""

    now: datetime
    books: Books
    recorded: dict[UUID, Recorded]


class DueHolds(Struct, frozen=True):
    """Asks for holds on these keys whose deadline has passed, oldest first, without those that are `found` already."""

    stock: list[Key]
    found: list[UUID]


class DueHold(NamedTuple):
    """A dead hold that still has to be ended."""

    id: UUID
    store_id: str
    version: int


class Settled(Struct):
    """The answers to the tickets, in their order. Valid once `writes` are committed; then `outgoing` is published."""

    answers: list[Answer]
    writes: Writes
    outgoing: list[Outgoing]


Asked = Needs | DueHolds | NamedDocuments | NamedSales
Procedure = Generator[Asked, Snapshot | list[DueHold] | list[Document] | list[Sale], Settled]


class NeedsOneByOne(Exception):
    """A command of the batch names a document or a sale that another command of it makes: settle each of them alone."""


def settle(tickets: Sequence[Ticket]) -> Procedure:
    """Settle `tickets` in order. A product that falls short first has its dead holds expired, in the same batch."""
    expiries: dict[UUID, Ticket] = {}
    while True:
        batch = [*expiries.values(), *tickets]
        documents: Documents = {}
        if named := _named_documents(batch):
            found = yield NamedDocuments(named)
            assert not isinstance(found, Snapshot)
            documents = {x.id: x for x in found if isinstance(x, Document)}
            if named := _documents_named_by(batch, documents):
                found = yield NamedDocuments(named)
                assert not isinstance(found, Snapshot)
                documents = {**documents, **{x.id: x for x in found if isinstance(x, Document)}}
        sales: dict[UUID, Sale] = {}
        if sold := _named_sales(batch):
            found = yield NamedSales(sold)
            assert not isinstance(found, Snapshot)
            sales = {x.record.id: x for x in found if isinstance(x, Sale)}
        snapshot = yield _needs(batch, documents, sales)
        assert isinstance(snapshot, Snapshot)
        snapshot.books.documents, snapshot.books.sales = dict(documents), sales
        batch = [_with_free_id(ticket, snapshot.recorded) for ticket in batch]
        fresh, effects, answers = _decide(snapshot, batch)
        short = _short_keys(fresh, effects)
        # By name, not by number: the next look may be for other products, and other servers end holds meanwhile.
        due = (yield DueHolds(short, list(expiries))) if short else []
        assert isinstance(due, list)
        if not due:
            break
        for hold in due:
            assert isinstance(hold, DueHold)
            expiries[hold.id] = expiry_ticket(hold)
    now = snapshot.now
    messages = _messages(effects, now)
    writes = _writes(snapshot.books, fresh, effects, now)
    writes.outbox = [OutboxRow(out.id, out.store_id, Raw(out.payload), now) for out in messages]
    return Settled(answers[len(expiries) :], writes, messages)


def fingerprint(request: Request) -> str:
    """32 digits that tell whether two commands with the same id say the same. Who sent them does not count."""
    return blake2b(json.encode(request.command), digest_size=16).hexdigest()


def expiry_ticket(hold: DueHold) -> Ticket:
    """The command that ends a dead hold; the same on every server, so it has one effect."""
    request = Request(
        Expire(id=expiry_command_id(hold.id, hold.version), store_id=hold.store_id, reservation_id=hold.id), EXPIRY
    )
    return Ticket(request, fingerprint(request))


def _with_free_id(ticket: Ticket, recorded: dict[UUID, Recorded]) -> Ticket:
    """An expiry whose id somebody has used up gets a new one; any other ticket as it is.

    The id can be worked out from the hold, so a client may have sent it. The hold has to end all the same, and ends
    once by its own status and version.
    """
    command = ticket.request.command
    if not isinstance(command, Expire) or command.id not in recorded:
        return ticket
    if recorded[command.id].fingerprint == ticket.fingerprint:
        return ticket
    request = Request(structs.replace(command, id=new_id()), ticket.request.who)
    return Ticket(request, fingerprint(request))


def _named_documents(tickets: Sequence[Ticket]) -> list[UUID]:
    """Returns the ids of the documents that the commands name. Raises NeedsOneByOne if one of them opens it."""
    named: set[UUID] = set()
    for ticket in tickets:
        command = ticket.request.command
        named.update(VERBS[type(command)].documents(command))
    if named and len(tickets) > 1 and not named.isdisjoint([ticket.request.command.id for ticket in tickets]):
        raise NeedsOneByOne
    return sorted(named)


def _named_sales(tickets: Sequence[Ticket]) -> list[tuple[str, UUID]]:
    """Returns the sales that the commands name, by store and id. Raises NeedsOneByOne if one of them makes it."""
    named: set[tuple[str, UUID]] = set()
    for ticket in tickets:
        command = ticket.request.command
        named.update((command.store_id, id_) for id_ in VERBS[type(command)].sales(command))
    made_here = {ticket.request.command.id for ticket in tickets} if named and len(tickets) > 1 else ()
    if any(id_ in made_here for _, id_ in named):
        raise NeedsOneByOne
    return sorted(named)


def _documents_named_by(tickets: Sequence[Ticket], documents: Documents) -> list[UUID]:
    """Returns the ids of further documents. Raises NeedsOneByOne if a command of the batch opens one of them."""
    named: set[UUID] = set()
    for ticket in tickets:
        command = ticket.request.command
        named.update(VERBS[type(command)].more_documents(command, documents))
    if named and len(tickets) > 1 and not named.isdisjoint([ticket.request.command.id for ticket in tickets]):
        raise NeedsOneByOne
    return sorted(named - documents.keys())


def _needs(tickets: Iterable[Ticket], documents: Documents, sales: Mapping[UUID, Sale]) -> Needs:
    rows, ids = Rows(sales), []
    for ticket in tickets:
        command = ticket.request.command
        ids.append(command.id)
        VERBS[type(command)].rows(command, documents, rows)
    return Needs(sorted(rows.stock), rows.reservations, ids, rows.levels, rows.moved_since)


def _decide(snapshot: Snapshot, tickets: Sequence[Ticket]) -> tuple[list[Ticket], list[Effect], list[Answer]]:
    """The tickets that are new, their effects, and the answers to all tickets; a known id gets its first answer."""
    fresh: dict[UUID, Ticket] = {}
    old: set[UUID] = set()
    for ticket in tickets:
        command_id = ticket.request.command.id
        if command_id in snapshot.recorded or command_id in fresh:
            continue
        if forgotten(command_id, snapshot.now):
            old.add(command_id)
        else:
            fresh[command_id] = ticket
    effects = decide_all(snapshot.books, [ticket.request for ticket in fresh.values()], snapshot.now)
    decided = {effect.answer.id: effect.answer for effect in effects}
    answers = []
    for ticket in tickets:
        command = ticket.request.command
        if command.id in old:
            answers.append(_too_old(command.id))
            continue
        recorded = snapshot.recorded.get(command.id)
        first = recorded.fingerprint if recorded else fresh[command.id].fingerprint
        if first != ticket.fingerprint:
            answers.append(_reused(command.id))
        elif recorded:
            answers.append(json.decode(recorded.answer, type=Answer))
        else:
            answers.append(decided[command.id])
    return list(fresh.values()), effects, answers


def _reused(command_id: UUID) -> Answer:
    message = f"The command id {command_id} was used before for other content; make a new id for a new command."
    return Answer(command_id, Refusal(Code.COMMAND_REUSED, message, field="id"))


def _too_old(command_id: UUID) -> Answer:
    age = f"older than {COMMANDS_KEPT.days} days"
    message = f"The command id {command_id} is {age}; if it never took effect, send it with a new id."
    return Answer(command_id, Refusal(Code.COMMAND_TOO_OLD, message, field="id"))


def _short_keys(tickets: Sequence[Ticket], effects: Sequence[Effect]) -> list[Key]:
    keys: set[Key] = set()
    for ticket, effect in zip(tickets, effects, strict=True):
        refusal, command = effect.answer.refusal, ticket.request.command
        if refusal and refusal.code is Code.INSUFFICIENT_STOCK and VERBS[type(command)].ends_dead_holds:
            keys.update((command.store_id, line.product_id) for line in refusal.lines)
    return sorted(keys)


def _writes(books: Books, tickets: Sequence[Ticket], effects: Sequence[Effect], now: datetime) -> Writes:
    writes = Writes()
    stock: dict[Key, StockRow] = {}
    holds: dict[UUID, Reservation] = {}
    levels: dict[Key, Levels] = {}
    documents: dict[UUID, Document] = {}
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
        if isinstance(command, Expire) and answer.refusal:
            continue  # no client waits for it, and its id must stay free: the same hold may fall due once more
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
    for number, line in enumerate(sale.lines, 1):
        row = SaleLineRow(record.id, record.store_id, number, line.product_id, line.quantity, line.price_cents)
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


def _hold_rows(hold: Reservation) -> list[HoldRow]:
    tail = (hold.status.value, hold.expires_at, hold.customer_id, hold.actor, hold.terminal_id)
    times = (hold.created_at, hold.updated_at, hold.version)
    return [
        HoldRow(hold.id, hold.store_id, line.product_id, line.quantity, line.confirmed, *tail, *times)
        for line in hold.lines
    ]


def _hold_changes(hold: Reservation, was: int) -> list[HoldChange]:
    tail = (hold.status.value, hold.expires_at, hold.updated_at, hold.version, was)
    return [HoldChange(hold.id, hold.store_id, line.product_id, line.confirmed, *tail) for line in hold.lines]


class _Changes(Struct):
    """What a batch changed in one store: the fields of its `Message`."""

    stock: dict[str, StockRow] = {}
    reservations: dict[UUID, Reservation] = {}
    sales: list[SaleRecord] = []
    transfers: list[Movement] = []
    counts: list[Movement] = []
    movements: list[Movement] = []
    documents: dict[UUID, Document] = {}


_TOLD_IN = {"transfer": "transfers", "count": "counts", "movement": "movements"}
"""Kind of event that tells of movements → the field of a message that holds them."""


def _messages(effects: Sequence[Effect], now: datetime) -> list[Outgoing]:
    """One message per store, with the last state of each row and hold that the batch changed."""
    stores: defaultdict[str, _Changes] = defaultdict(_Changes)
    for effect in effects:
        for row in effect.answer.stock:
            stores[row.store_id].stock[row.product_id] = row
        for hold in effect.reservations:
            stores[hold.store_id].reservations[hold.id] = hold
        if effect.sale:
            stores[effect.sale.record.store_id].sales.append(effect.sale.record)
        for movement in effect.movements:
            if event := MOVEMENT_KINDS[movement.kind].event:
                getattr(stores[movement.store_id], _TOLD_IN[event]).append(movement)
        for document in effect.documents:
            for store_id in filter(None, (document.store_id, document.other_store_id)):
                stores[store_id].documents[document.id] = document
    messages = []
    for store_id, told in stores.items():
        message = Message(
            store_id,
            now,
            tuple(told.stock.values()),
            tuple(told.reservations.values()),
            tuple(told.sales),
            tuple(told.transfers),
            tuple(told.counts),
            movements=tuple(told.movements),
            documents=tuple(told.documents.values()),
        )
        messages.extend(_fitting(message))
    return messages


def _fitting(message: Message) -> list[Outgoing]:
    """`message` in as many parts as NATS takes; the parts are independent, like all messages."""
    payload = json.encode(message)
    store_id, at, *lists = structs.astuple(message)
    if len(payload) <= MAX_PAYLOAD or max(map(len, lists)) == 1:
        return [Outgoing(new_id(), message, payload)]
    cuts = slice(0, None, 2), slice(1, None, 2)
    return [out for cut in cuts for out in _fitting(Message(store_id, at, *[x[cut] for x in lists]))]
