"""How one batch of commands is settled, without I/O: a generator that asks for rows and returns what to write.

The two databases differ in how they read and write, not in what is decided; so the procedure is written once and driven
by `repositories.ledger_postgres` (awaiting) and `repositories.ledger_sqlite` (in its own thread). It yields a `Needs`
and is sent the `Snapshot` for it, or yields a `DueHolds` and is sent the dead holds found; it returns a `Settled`.
"""

from collections.abc import Generator, Iterable, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct, json, structs

from backend.ids import expiry_command_id, new_id
from backend.model.answers import Answer, Code, Refusal
from backend.model.commands import Adjust, Cancel, Confirm, Expire, Extend, Reserve, Sell
from backend.model.decide import Books, Effect, Request, decide_all
from backend.model.events import Message, Outgoing
from backend.model.reservations import Reservation
from backend.model.stock import Key, StockRow, Who

EXPIRY = Who("system:expiry")


class Ticket(Struct, frozen=True):
    """A request on its way through the ledger, with the fingerprint of its content."""

    request: Request
    fingerprint: bytes


class Needs(Struct, frozen=True):
    """The rows a batch wants to see: stock by key (in order), holds with the stock they hold, recorded commands."""

    stock: list[Key]
    reservations: list[UUID]
    commands: list[UUID]


class Recorded(Struct, frozen=True):
    """A command that has its answer already."""

    store_id: str
    fingerprint: bytes
    answer: str


class Snapshot(Struct):
    """The rows as read, and the database's clock at that moment, which is the time of every decision of the batch."""

    now: datetime
    books: Books
    recorded: dict[UUID, Recorded]


class DueHolds(Struct, frozen=True):
    """Asks for holds on these keys whose deadline has passed, oldest first, after the first `skip` rows."""

    stock: list[Key]
    skip: int


class DueHold(NamedTuple):
    """A dead hold that still has to be ended."""

    id: UUID
    store_id: str
    version: int


class Writes(Struct):
    """Rows to write, as tuples in the order of the columns of `backend.tables`, all in one transaction or not at all.

    `stock` rows end with the version that was read: the optimistic lock. Changed `reservations` end with theirs.
    """

    new_stock: list[tuple[object, ...]] = []
    stock: list[tuple[object, ...]] = []
    movements: list[tuple[object, ...]] = []
    new_reservations: list[tuple[object, ...]] = []
    reservations: list[tuple[object, ...]] = []
    commands: list[tuple[object, ...]] = []
    sales: list[tuple[object, ...]] = []
    sale_lines: list[tuple[object, ...]] = []
    outbox: list[tuple[object, ...]] = []


class Settled(Struct):
    """The answers to the tickets, in their order. Valid once `writes` are committed; then `outgoing` is published."""

    answers: list[Answer]
    writes: Writes
    outgoing: list[Outgoing]


Procedure = Generator[Needs | DueHolds, Snapshot | list[DueHold], Settled]


def settle(tickets: Sequence[Ticket]) -> Procedure:
    """Settle `tickets` in order. A product that falls short first has its dead holds expired, in the same batch."""
    expiries: dict[UUID, Ticket] = {}
    found = 0
    while True:
        batch = [*expiries.values(), *tickets]
        snapshot = yield _needs(batch)
        assert isinstance(snapshot, Snapshot)
        fresh, effects, answers = _decide(snapshot, batch)
        short = _short_keys(fresh, effects)
        due = (yield DueHolds(short, found)) if short else []
        assert isinstance(due, list)
        if not due:
            break
        found += len(due)
        for hold in due:
            expiries[hold.id] = expiry_ticket(hold)
    now = snapshot.now
    messages = _messages(effects, now)
    writes = _writes(snapshot.books, fresh, effects, now)
    writes.outbox = [(out.id, out.store_id, out.payload.decode(), now) for out in messages]
    return Settled(answers[len(expiries) :], writes, messages)


def fingerprint(request: Request) -> bytes:
    """16 bytes that tell whether two commands with the same id say the same. Who sent them does not count."""
    return blake2b(json.encode(request.command), digest_size=16).digest()


def expiry_ticket(hold: DueHold) -> Ticket:
    """The command that ends a dead hold; the same on every server, so it has one effect."""
    request = Request(
        Expire(id=expiry_command_id(hold.id, hold.version), store_id=hold.store_id, reservation_id=hold.id), EXPIRY
    )
    return Ticket(request, fingerprint(request))


def _needs(tickets: Iterable[Ticket]) -> Needs:
    keys: set[Key] = set()
    holds: list[UUID] = []
    ids: list[UUID] = []
    for ticket in tickets:
        command = ticket.request.command
        ids.append(command.id)
        store_id = command.store_id
        match command:
            case Adjust():
                keys.add((store_id, command.product_id))
            case Confirm() | Cancel() | Extend() | Expire():
                holds.append(command.reservation_id)
            case _:
                for line in command.lines:
                    keys.add((store_id, line.product_id))
                if isinstance(command, Sell):
                    holds.extend(command.holds)
                elif isinstance(command, Reserve) and command.replaces is not None:
                    holds.append(command.replaces)
    return Needs(sorted(keys), holds, ids)


def _decide(snapshot: Snapshot, tickets: Sequence[Ticket]) -> tuple[list[Ticket], list[Effect], list[Answer]]:
    """The tickets that are new, their effects, and the answers to all tickets; a known id gets its first answer."""
    fresh: dict[UUID, Ticket] = {}
    for ticket in tickets:
        command_id = ticket.request.command.id
        if command_id not in snapshot.recorded and command_id not in fresh:
            fresh[command_id] = ticket
    effects = decide_all(snapshot.books, [ticket.request for ticket in fresh.values()], snapshot.now)
    decided = {effect.answer.id: effect.answer for effect in effects}
    answers = []
    for ticket in tickets:
        command = ticket.request.command
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


def _short_keys(tickets: Sequence[Ticket], effects: Sequence[Effect]) -> list[Key]:
    keys: set[Key] = set()
    for ticket, effect in zip(tickets, effects, strict=True):
        refusal = effect.answer.refusal
        if refusal and refusal.code is Code.INSUFFICIENT_STOCK and not isinstance(ticket.request.command, Confirm):
            keys.update((ticket.request.command.store_id, line.product_id) for line in refusal.lines)
    return sorted(keys)


def _writes(books: Books, tickets: Sequence[Ticket], effects: Sequence[Effect], now: datetime) -> Writes:
    writes = Writes()
    stock: dict[Key, StockRow] = {}
    holds: dict[UUID, Reservation] = {}
    for ticket, effect in zip(tickets, effects, strict=True):
        request, answer = ticket.request, effect.answer
        command, who = request.command, request.who
        for row in answer.stock:
            stock[row.store_id, row.product_id] = row
        for movement in effect.movements:
            writes.movements.append(_columns(movement))
        for hold in effect.reservations:
            holds[hold.id] = hold
        if effect.sale:
            record = effect.sale.record
            writes.sales.append(
                (record.id, record.store_id, record.receipt_number, who.terminal_id, who.actor, record.total_cents, now)
            )
            writes.sale_lines.extend(
                (record.id, record.store_id, number, line.product_id, line.quantity, line.price_cents)
                for number, line in enumerate(effect.sale.lines, 1)
            )
        kind, text = command.__struct_config__.tag, json.encode(answer).decode()
        writes.commands.append(
            (command.id, command.store_id, kind, ticket.fingerprint, text, who.actor, who.terminal_id, now)
        )
    for key in sorted(stock):
        was, columns = books.stock[key].version, _columns(stock[key])
        if was == 0:
            writes.new_stock.append((*columns, now))
        else:
            writes.stock.append((*columns, now, was))
    for hold in holds.values():
        before = books.reservations.get(hold.id)
        if before is None:
            writes.new_reservations.extend(_hold_rows(hold))
        else:
            changed = (hold.status.value, hold.expires_at, hold.updated_at, hold.version, before.version)
            writes.reservations.extend(
                (hold.id, hold.store_id, line.product_id, line.confirmed, *changed) for line in hold.lines
            )
    return writes


def _columns(value: Struct) -> tuple[object, ...]:
    """The fields of a row; the model declares them in the order of the table's columns."""
    return structs.astuple(value)


def _hold_rows(hold: Reservation) -> list[tuple[object, ...]]:
    head = (hold.id, hold.store_id)
    tail = (hold.status.value, hold.expires_at, hold.customer_id, hold.actor, hold.terminal_id)
    times = (hold.created_at, hold.updated_at, hold.version)
    return [(*head, line.product_id, line.quantity, line.confirmed, *tail, *times) for line in hold.lines]


def _messages(effects: Sequence[Effect], now: datetime) -> list[Outgoing]:
    """One message per store, with the last state of each row and hold that the batch changed."""
    stores: dict[str, tuple[dict[str, StockRow], dict[UUID, Reservation], list[Effect]]] = {}
    for effect in effects:
        for row in effect.answer.stock:
            stores.setdefault(row.store_id, ({}, {}, []))[0][row.product_id] = row
        for hold in effect.reservations:
            stores.setdefault(hold.store_id, ({}, {}, []))[1][hold.id] = hold
        if effect.sale:
            stores[effect.sale.record.store_id][2].append(effect)
    messages = []
    for store_id, (rows, holds, sold) in stores.items():
        sales = tuple([effect.sale.record for effect in sold if effect.sale])
        message = Message(store_id, now, tuple(rows.values()), tuple(holds.values()), sales)
        messages.append(Outgoing(new_id(), store_id, json.encode(message)))
    return messages
