"""The rule book: what a command does to stock. Pure: the same rows, command and time give the same effect.

The server runs it inside the ledger; a terminal without network runs the same function on its own copy of the rows.
Holds and sales are decided here, goods that only move in `moves`; both change rows by `posting`.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import structs

from .answers import Answer, Code, Refusal, SaleRecord, ShortLine
from .books import Books, Effect, Request, Sale
from .commands import (
    MAX_TTL_SECONDS,
    Adjust,
    Cancel,
    Command,
    Confirm,
    Expire,
    Extend,
    Receive,
    Reserve,
    Sell,
    SetStock,
    Transfer,
)
from .moves import adjust, receive, set_stock, transfer
from .posting import post, summed
from .refusals import Refused, ended
from .reservations import HeldLine, Reservation, Status
from .stock import Who


def decide_all(books: Books, requests: Iterable[Request], now: datetime) -> list[Effect]:
    """Decide `requests` in order, each on what the ones before it left. `books` is not changed."""
    working = Books(dict(books.stock), books.stores, dict(books.reservations), dict(books.levels))
    effects = []
    for request in requests:
        effect = decide(working, request, now)
        for row in effect.answer.stock:
            working.stock[row.store_id, row.product_id] = row
        for reservation in effect.reservations:
            working.reservations[reservation.id] = reservation
        if levels := effect.answer.levels:
            working.levels[levels.store_id, levels.product_id] = levels
        effects.append(effect)
    return effects


def decide(books: Books, request: Request, now: datetime) -> Effect:
    """What `request` does to `books` at `now`. Changes nothing; a refused command has an effect with only an answer."""
    if request.objection is not None:
        return Effect(Answer(request.command.id, request.objection))
    try:
        return _decide(books, request.command, request.who, now)
    except Refused as refused:
        return Effect(Answer(request.command.id, refused.refusal))


def _decide(books: Books, command: Command, who: Who, now: datetime) -> Effect:
    match command:
        case Reserve():
            return _reserve(books, command, who, now)
        case Sell():
            return _sell(books, command, who, now)
        case Confirm():
            return _confirm(books, command, who, now)
        case Cancel():
            hold = _live(books, command, now)
            return _end(books, command, who, now, hold, Status.CANCELLED)
        case Expire():
            hold = _pending(books, command)
            if now < hold.expires_at:
                raise Refused(Refusal(Code.RESERVATION_NOT_DUE, "This hold's deadline has not passed yet."))
            return _end(books, command, who, now, hold, Status.EXPIRED)
        case Extend():
            hold = _live(books, command, now)
            extended = structs.replace(
                hold,
                expires_at=now + _ttl(command.ttl_seconds),
                updated_at=now,
                version=hold.version + 1,
            )
            return Effect(Answer(command.id, reservation=extended), reservations=(extended,))
        case Receive():
            return receive(books, command, who, now)
        case Adjust():
            return adjust(books, command, who, now)
        case SetStock():
            return set_stock(books, command, who, now)
        case Transfer():
            return transfer(books, command, who, now)


def _reserve(books: Books, command: Reserve, who: Who, now: datetime) -> Effect:
    wanted = summed(command.lines)
    ttl = _ttl(command.ttl_seconds)
    closed: tuple[Reservation, ...] = ()
    changes = {p: (0, n) for p, n in wanted.items()}
    if command.replaces is not None:
        # A replaced hold that is already gone frees nothing: the new one stands on what is available.
        hold = _find(books, command.store_id, command.replaces)
        if hold.status is Status.CONFIRMED:
            raise Refused(ended(hold))
        if hold.status is Status.PENDING:
            _free(changes, hold)
            closed = (_closed(hold, Status.CANCELLED if hold.is_live(now) else Status.EXPIRED, now),)
    held = Reservation(
        command.id,
        command.store_id,
        Status.PENDING,
        tuple([HeldLine(p, n) for p, n in wanted.items()]),
        now + ttl,
        command.customer_id,
        who.actor,
        who.terminal_id,
        now,
        now,
    )
    return post(
        books,
        command,
        who,
        now,
        changes,
        demand=wanted,
        document_id=str(command.id),
        reservation=held,
        reservations=(*closed, held),
    )


def _sell(books: Books, command: Sell, who: Who, now: datetime) -> Effect:
    wanted = summed(command.lines)
    changes = {p: (-n, 0) for p, n in wanted.items()}
    left = dict(wanted)  # no unit is handed over from two holds
    closed = []
    for hold_id in dict.fromkeys(command.holds):
        hold = _find(books, command.store_id, hold_id)
        if hold.status is Status.CONFIRMED:
            raise Refused(ended(hold))
        if hold.status is not Status.PENDING:
            continue  # it ended before the sale; the goods are sold from what is available
        _free(changes, hold)
        if hold.is_live(now):
            taken = {line.product_id: min(line.quantity, left.get(line.product_id, 0)) for line in hold.lines}
            left = {p: n - taken.get(p, 0) for p, n in left.items()}
            closed.append(_closed(hold, Status.CONFIRMED, now, taken))
        else:
            closed.append(_closed(hold, Status.EXPIRED, now))
    total = sum(line.quantity * line.price_cents for line in command.lines)
    record = SaleRecord(command.id, command.store_id, command.receipt_number, total, now)
    return post(
        books,
        command,
        who,
        now,
        changes,
        demand=wanted,
        reason=command.price_reason or "",
        document_id=command.receipt_number or str(command.id),
        reservations=tuple(closed),
        sale=Sale(record, command.lines, who.actor, who.terminal_id),
    )


def _confirm(books: Books, command: Confirm, who: Who, now: datetime) -> Effect:
    hold = _live(books, command, now)
    if command.lines is None:
        taken = {line.product_id: line.quantity for line in hold.lines}
    else:
        taken = summed(command.lines)
        held = {line.product_id: line.quantity for line in hold.lines}
        lacking = tuple([ShortLine(p, n, held.get(p, 0)) for p, n in taken.items() if n > held.get(p, 0)])
        if lacking:
            raise Refused(
                Refusal(Code.INSUFFICIENT_STOCK, "The hold has fewer units than you want to confirm.", lacking)
            )
    return _end(books, command, who, now, hold, Status.CONFIRMED, taken)


def _end(
    books: Books,
    command: Confirm | Cancel | Expire,
    who: Who,
    now: datetime,
    hold: Reservation,
    status: Status,
    taken: dict[str, int] | None = None,
) -> Effect:
    taken = taken or {}
    changes = {line.product_id: (-taken.get(line.product_id, 0), -line.quantity) for line in hold.lines}
    closed = _closed(hold, status, now, taken)
    return post(
        books,
        command,
        who,
        now,
        changes,
        document_id=str(hold.id),
        reservation=closed,
        reservations=(closed,),
    )


def _free(changes: dict[str, tuple[int, int]], hold: Reservation) -> None:
    for line in hold.lines:
        on_hand, reserved = changes.get(line.product_id, (0, 0))
        changes[line.product_id] = (on_hand, reserved - line.quantity)


def _closed(hold: Reservation, status: Status, now: datetime, taken: dict[str, int] | None = None) -> Reservation:
    lines = hold.lines
    if taken:
        lines = tuple([HeldLine(x.product_id, x.quantity, taken.get(x.product_id, 0)) for x in lines])
    return structs.replace(hold, status=status, lines=lines, updated_at=now, version=hold.version + 1)


def _find(books: Books, store_id: str, reservation_id: UUID) -> Reservation:
    hold = books.reservations.get(reservation_id)
    # A hold of another store is as unknown as one that never was: its existence is not this store's to learn.
    if hold is None or hold.store_id != store_id:
        raise Refused(Refusal(Code.UNKNOWN_RESERVATION, f"There is no hold {reservation_id} in store {store_id}."))
    return hold


def _pending(books: Books, command: Confirm | Cancel | Expire | Extend) -> Reservation:
    hold = _find(books, command.store_id, command.reservation_id)
    if hold.status is not Status.PENDING:
        raise Refused(ended(hold))
    return hold


def _live(books: Books, command: Confirm | Cancel | Extend, now: datetime) -> Reservation:
    hold = _pending(books, command)
    if not hold.is_live(now):
        raise Refused(ended(structs.replace(hold, status=Status.EXPIRED)))
    return hold


def _ttl(seconds: int) -> timedelta:
    if not 1 <= seconds <= MAX_TTL_SECONDS:
        raise Refused(
            Refusal(
                Code.INVALID_QUANTITY,
                f"ttl_seconds must be from 1 to {MAX_TTL_SECONDS}.",
                field="ttl_seconds",
            )
        )
    return timedelta(seconds=seconds)
