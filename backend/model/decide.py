"""The rule book: what a command does to stock. Pure: the same rows, command and time give the same effect.

The server runs it inside the ledger; a terminal without network runs the same function on its own copy of the rows.
Demand of one command is summed per product before it is compared, so two lines of the same product cannot pass the
check separately. A command is all or nothing; a refusal lists every short line.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct, structs

from .answers import Answer, Code, Refusal, SaleRecord, ShortLine
from .commands import (
    MAX_QUANTITY,
    MAX_TTL_SECONDS,
    Adjust,
    Cancel,
    Command,
    Confirm,
    Expire,
    Extend,
    Line,
    Receive,
    Reserve,
    SaleLine,
    Sell,
)
from .reservations import HeldLine, Reservation, Status
from .stock import Key, Movement, StockRow, Who


class Books(Struct):
    """The rows a batch of commands touches, as read from the database.

    `stock` has a row (version 0 if it never moved) for every (store, product) of which both exist; a key that is absent
    names something unknown, and `stores` tells which of the two. `reservations` holds the named holds that exist.
    """

    stock: dict[Key, StockRow]
    stores: set[str]
    reservations: dict[UUID, Reservation]


class Sale(Struct, frozen=True):
    """A sale as it is stored: the record and its lines, priced in cents."""

    record: SaleRecord
    lines: tuple[SaleLine, ...]
    actor: str
    terminal_id: str


class Effect(Struct):
    """Everything one command changes: all of it is stored in one transaction, or none of it."""

    answer: Answer
    movements: Sequence[Movement] = ()
    reservations: Sequence[Reservation] = ()
    sale: Sale | None = None


class Request(Struct, frozen=True):
    """A command and who sent it."""

    command: Command
    who: Who


class _Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


def decide_all(books: Books, requests: Iterable[Request], now: datetime) -> list[Effect]:
    """Decide `requests` in order, each on what the ones before it left. `books` is not changed."""
    working = Books(dict(books.stock), books.stores, dict(books.reservations))
    effects = []
    for request in requests:
        effect = decide(working, request, now)
        for row in effect.answer.stock:
            working.stock[row.store_id, row.product_id] = row
        for reservation in effect.reservations:
            working.reservations[reservation.id] = reservation
        effects.append(effect)
    return effects


def decide(books: Books, request: Request, now: datetime) -> Effect:
    """What `request` does to `books` at `now`. Changes nothing; a refused command has an effect with only an answer."""
    try:
        return _decide(books, request.command, request.who, now)
    except _Refused as refused:
        return Effect(Answer(request.command.id, refused.refusal))


def kind_of(command: Command) -> str:
    """The wire name of the command's type, which is also the kind of its movements."""
    tag = command.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


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
                raise _Refused(Refusal(Code.RESERVATION_NOT_DUE, "This hold's deadline has not passed yet."))
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
            changes = {p: (n, 0) for p, n in _summed(command.lines).items()}
            return _moved(books, command, who, now, changes, document_id=command.document_id)
        case Adjust():
            return _adjust(books, command, who, now)


def _reserve(books: Books, command: Reserve, who: Who, now: datetime) -> Effect:
    wanted = _summed(command.lines)
    ttl = _ttl(command.ttl_seconds)
    ended: tuple[Reservation, ...] = ()
    changes = {p: (0, n) for p, n in wanted.items()}
    if command.replaces is not None:
        # A replaced hold that is already gone frees nothing: the new one stands on what is available.
        hold = _find(books, command.store_id, command.replaces)
        if hold.status is Status.CONFIRMED:
            raise _Refused(_ended(hold))
        if hold.status is Status.PENDING:
            _free(changes, hold)
            ended = (_closed(hold, Status.CANCELLED if hold.is_live(now) else Status.EXPIRED, now),)
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
    return _moved(
        books,
        command,
        who,
        now,
        changes,
        demand=wanted,
        document_id=str(command.id),
        reservation=held,
        reservations=(*ended, held),
    )


def _sell(books: Books, command: Sell, who: Who, now: datetime) -> Effect:
    wanted = _summed(command.lines)
    changes = {p: (-n, 0) for p, n in wanted.items()}
    ended = []
    for hold_id in dict.fromkeys(command.holds):
        hold = _find(books, command.store_id, hold_id)
        if hold.status is Status.CONFIRMED:
            raise _Refused(_ended(hold))
        if hold.status is not Status.PENDING:
            continue  # it ended before the sale; the goods are sold from what is available
        _free(changes, hold)
        if hold.is_live(now):
            taken = {line.product_id: min(line.quantity, wanted.get(line.product_id, 0)) for line in hold.lines}
            ended.append(_closed(hold, Status.CONFIRMED, now, taken))
        else:
            ended.append(_closed(hold, Status.EXPIRED, now))
    total = sum(line.quantity * line.price_cents for line in command.lines)
    record = SaleRecord(command.id, command.store_id, command.receipt_number, total, now)
    return _moved(
        books,
        command,
        who,
        now,
        changes,
        demand=wanted,
        document_id=command.receipt_number or str(command.id),
        reservations=tuple(ended),
        sale=Sale(record, command.lines, who.actor, who.terminal_id),
    )


def _confirm(books: Books, command: Confirm, who: Who, now: datetime) -> Effect:
    hold = _live(books, command, now)
    if command.lines is None:
        taken = {line.product_id: line.quantity for line in hold.lines}
    else:
        taken = _summed(command.lines)
        held = {line.product_id: line.quantity for line in hold.lines}
        short = tuple([ShortLine(p, n, held.get(p, 0)) for p, n in taken.items() if n > held.get(p, 0)])
        if short:
            raise _Refused(
                Refusal(Code.INSUFFICIENT_STOCK, "The hold has fewer units than you want to confirm.", short)
            )
    return _end(books, command, who, now, hold, Status.CONFIRMED, taken)


def _adjust(books: Books, command: Adjust, who: Who, now: datetime) -> Effect:
    if command.adjustment == 0 or abs(command.adjustment) > MAX_QUANTITY:
        raise _Refused(_bad_quantity("adjustment", f"must be from -{MAX_QUANTITY} to {MAX_QUANTITY} and not 0"))
    change = {command.product_id: (command.adjustment, 0)}
    demand = {command.product_id: -command.adjustment}
    return _moved(books, command, who, now, change, demand=demand, reason=command.reason)


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
    return _moved(
        books,
        command,
        who,
        now,
        changes,
        document_id=str(hold.id),
        reservation=closed,
        reservations=(closed,),
    )


def _moved(
    books: Books,
    command: Command,
    who: Who,
    now: datetime,
    changes: dict[str, tuple[int, int]],
    *,
    demand: dict[str, int] | None = None,
    reason: str = "",
    document_id: str = "",
    reservation: Reservation | None = None,
    reservations: tuple[Reservation, ...] = (),
    sale: Sale | None = None,
) -> Effect:
    """Apply `changes` (product → signed on hand, signed reserved) to the store's rows, or refuse with every short line.

    `demand` is what the sender asked of each product, for the refusal; its absence means nothing can fall short.
    """
    store_id, kind = command.store_id, kind_of(command)
    rows: list[StockRow] = []
    movements: list[Movement] = []
    short: list[ShortLine] = []
    for product_id, (on_hand_change, reserved_change) in changes.items():
        row = books.stock.get((store_id, product_id))
        if row is None:
            raise _Refused(_unknown(books, store_id, product_id))
        on_hand, reserved = row.on_hand + on_hand_change, row.reserved + reserved_change
        left = on_hand - row.unavailable - row.allocated - reserved
        if left < 0 and demand is not None:
            asked = demand.get(product_id, 0)
            short.append(ShortLine(product_id, asked, asked + left))
            continue
        version = row.version + 1
        rows.append(
            StockRow(
                store_id,
                product_id,
                on_hand,
                row.unavailable,
                row.allocated,
                reserved,
                row.incoming,
                version,
            )
        )
        movements.append(
            Movement(
                store_id,
                product_id,
                version,
                kind,
                reason,
                on_hand_change,
                reserved_change,
                on_hand,
                row.unavailable,
                row.allocated,
                reserved,
                row.incoming,
                who.actor,
                who.terminal_id,
                document_id,
                command.id,
                now,
            )
        )
    if short:
        raise _Refused(_short(short))
    answer = Answer(command.id, None, tuple(rows), reservation, sale.record if sale else None)
    return Effect(answer, movements, reservations, sale)


def _short(short: list[ShortLine]) -> Refusal:
    first = short[0]
    more = f" {len(short) - 1} more lines are short too." if len(short) > 1 else ""
    message = f"Only {first.available} of {first.requested} units of {first.product_id} are available.{more}"
    return Refusal(Code.INSUFFICIENT_STOCK, message, tuple(short))


def _summed(lines: Iterable[Line | SaleLine]) -> dict[str, int]:
    """Units per product, over all lines. Refuses an empty basket and a quantity no line may have."""
    summed: dict[str, int] = {}
    for line in lines:
        if not 1 <= line.quantity <= MAX_QUANTITY:
            raise _Refused(_bad_quantity("quantity", f"must be from 1 to {MAX_QUANTITY}"))
        summed[line.product_id] = summed.get(line.product_id, 0) + line.quantity
    if not summed:
        raise _Refused(Refusal(Code.EMPTY_BASKET, "There is no line; add at least one product.", field="lines"))
    return summed


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
        raise _Refused(Refusal(Code.UNKNOWN_RESERVATION, f"There is no hold {reservation_id} in store {store_id}."))
    return hold


def _pending(books: Books, command: Confirm | Cancel | Expire | Extend) -> Reservation:
    hold = _find(books, command.store_id, command.reservation_id)
    if hold.status is not Status.PENDING:
        raise _Refused(_ended(hold))
    return hold


def _live(books: Books, command: Confirm | Cancel | Extend, now: datetime) -> Reservation:
    hold = _pending(books, command)
    if not hold.is_live(now):
        raise _Refused(_ended(structs.replace(hold, status=Status.EXPIRED)))
    return hold


def _ended(hold: Reservation) -> Refusal:
    message = f"This hold has already ended: it is {hold.status.lower()}."
    return Refusal(Code.RESERVATION_ENDED, message, state=hold.status.value)


def _unknown(books: Books, store_id: str, product_id: str) -> Refusal:
    if store_id not in books.stores:
        return Refusal(Code.UNKNOWN_STORE, f"There is no store {store_id}; check the store id.", field="store_id")
    message = f"There is no product {product_id}; check the code or add it to the catalogue."
    return Refusal(Code.UNKNOWN_PRODUCT, message, field="product_id")


def _bad_quantity(field: str, what: str) -> Refusal:
    return Refusal(Code.INVALID_QUANTITY, f"The {field} {what}.", field=field)


def _ttl(seconds: int) -> timedelta:
    if not 1 <= seconds <= MAX_TTL_SECONDS:
        raise _Refused(
            Refusal(
                Code.INVALID_QUANTITY,
                f"ttl_seconds must be from 1 to {MAX_TTL_SECONDS}.",
                field="ttl_seconds",
            )
        )
    return timedelta(seconds=seconds)
