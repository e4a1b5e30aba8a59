"""What the verbs of reservations share: finding a hold, freeing its units, ending it."""

from datetime import datetime, timedelta
from uuid import UUID

from msgspec import structs

from .answers import Answer, Code, Refusal
from .books import Books, Effect
from .commands import MAX_TTL_SECONDS, Command, kind_of
from .posting import Cause, post
from .refusals import Refused, ended
from .reservations import HeldLine, Reservation, Status
from .stock import Change, Who


def find(books: Books, store_id: str, reservation_id: UUID) -> Reservation:
    """Returns the hold. Raises Refused if the store has none with this id."""
    hold = books.reservations.get(reservation_id)
    # A hold of another store is as unknown as one that never was: its existence is not this store's to learn.
    if hold is None or hold.store_id != store_id:
        raise Refused(Refusal(Code.UNKNOWN_RESERVATION, f"There is no hold {reservation_id} in store {store_id}."))
    if hold.is_allotment:
        # Ended like a hold, its units would be free while its terminal still sells them.
        message = f"{reservation_id} is an allotment of terminal {hold.terminal_id}; it is released or reclaimed."
        raise Refused(Refusal(Code.UNKNOWN_RESERVATION, message))
    return hold


def pending(books: Books, store_id: str, reservation_id: UUID) -> Reservation:
    """Returns the hold. Raises Refused if it has ended."""
    hold = find(books, store_id, reservation_id)
    if hold.status is not Status.PENDING:
        raise Refused(ended(hold))
    return hold


def live(books: Books, store_id: str, reservation_id: UUID, now: datetime) -> Reservation:
    """Returns the hold. Raises Refused if it has ended or its deadline has passed."""
    hold = pending(books, store_id, reservation_id)
    if not hold.is_live(now):
        raise Refused(ended(structs.replace(hold, status=Status.EXPIRED)))
    return hold


def freed(changes: dict[str, Change], hold: Reservation) -> None:
    """Adds to `changes` that the units of `hold` are not reserved any more."""
    for line in hold.lines:
        change = changes.get(line.product_id, Change())
        changes[line.product_id] = change._replace(reserved=change.reserved - line.quantity)


def closed(hold: Reservation, status: Status, now: datetime, taken: dict[str, int] | None = None) -> Reservation:
    """Returns the hold after its end; `taken` are the units per product that were handed over."""
    lines = hold.lines
    if taken:
        lines = tuple([HeldLine(x.product_id, x.quantity, taken.get(x.product_id, 0)) for x in lines])
    return structs.replace(hold, status=status, lines=lines, updated_at=now, version=hold.version + 1)


def end(
    books: Books,
    command: Command,
    who: Who,
    now: datetime,
    hold: Reservation,
    status: Status,
    taken: dict[str, int] | None = None,
) -> Effect:
    """Returns the effect of ending `hold` by `command`; `taken` are the units per product that leave the store."""
    taken = taken or {}
    changes = {
        line.product_id: Change(on_hand=-taken.get(line.product_id, 0), reserved=-line.quantity) for line in hold.lines
    }
    over = closed(hold, status, now, taken)
    posted = post(books, hold.store_id, changes, Cause(kind_of(command), command.id, who, now, str(hold.id)))
    return Effect(Answer(command.id, stock=posted.rows, reservation=over), posted.movements, (over,))


def lifetime(seconds: int) -> timedelta:
    """Returns `seconds` as a duration. Raises Refused for one that no hold may have."""
    if not 1 <= seconds <= MAX_TTL_SECONDS:
        message = f"ttl_seconds must be from 1 to {MAX_TTL_SECONDS}."
        raise Refused(Refusal(Code.INVALID_QUANTITY, message, field="ttl_seconds"))
    return timedelta(seconds=seconds)
