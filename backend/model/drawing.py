"""What the verbs of allotments share with sales: finding an allotment, and taking units out of it."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec import structs

from .allotments import Draw
from .answers import Code, Refusal
from .books import Books
from .refusals import Refused
from .reservations import HeldLine, Reservation, Status
from .stock import Change, Who


def find_allotment(books: Books, store_id: str, allotment_id: UUID) -> Reservation:
    """Returns an allotment of the store that has not ended. Raises Refused if there is none with this id."""
    found = books.reservations.get(allotment_id)
    if found is None or found.store_id != store_id or not found.is_allotment:
        raise Refused(unknown_allotment(store_id, allotment_id))
    if found.status is not Status.PENDING:
        message = f"This allotment has already ended: it is {found.status.lower()}."
        raise Refused(Refusal(Code.RESERVATION_ENDED, message, state=found.status.value))
    return found


def unknown_allotment(store_id: str, allotment_id: UUID) -> Refusal:
    """Returns that the store has no such allotment, or none that the sender may touch."""
    message = f"There is no allotment {allotment_id} in store {store_id}, or it is another terminal's."
    return Refusal(Code.UNKNOWN_RESERVATION, message)


class Drawing:
    """The units that one sale takes out of allotments.

    What an allotment cannot give has to come from what is available: it was reclaimed, it has fewer units by now, or it
    is not of the terminal that sells. The goods have been handed over, so a draw is never a reason to refuse a sale.
    """

    def __init__(self, books: Books, store_id: str, who: Who, now: datetime) -> None:
        self.allotments: dict[UUID, Reservation] = {}
        """Those that were drawn on, as they are afterwards."""
        self._draws: dict[UUID, Draw] = {}
        self._books, self._store_id, self._who, self._now = books, store_id, who, now

    def take(self, draws: Iterable[Draw], left: dict[str, int], changes: dict[str, Change]) -> tuple[Draw, ...]:
        """Returns what can be taken of `draws`, at most the units `left` to hand over, and adds it to `changes`."""
        for draw in draws:
            found = self.allotments.get(draw.allotment_id) or self._books.reservations.get(draw.allotment_id)
            if found is None or not self._may_draw(found, draw.product_id):
                continue
            units = min(draw.quantity, found.lines[0].quantity, left.get(draw.product_id, 0))
            if units < 1:
                continue
            left[draw.product_id] -= units
            change = changes[draw.product_id]
            changes[draw.product_id] = change._replace(reserved=change.reserved - units)
            before = self._draws.get(found.id)
            self._draws[found.id] = Draw(found.id, draw.product_id, units + (before.quantity if before else 0))
            self.allotments[found.id] = _less(found, units, self._now)
        return tuple(self._draws.values())

    def _may_draw(self, found: Reservation, product_id: str) -> bool:
        return (
            found.is_allotment
            and found.status is Status.PENDING
            and found.store_id == self._store_id
            and found.terminal_id == self._who.terminal_id
            and found.lines[0].product_id == product_id
        )


def _less(allotment: Reservation, units: int, now: datetime) -> Reservation:
    """Returns the allotment with `units` fewer; the one whose last unit is taken has ended as confirmed."""
    (line,) = allotment.lines
    if units < line.quantity:
        lines, status = (HeldLine(line.product_id, line.quantity - units),), Status.PENDING
    else:
        lines, status = (HeldLine(line.product_id, units, units),), Status.CONFIRMED
    return structs.replace(allotment, lines=lines, status=status, updated_at=now, version=allotment.version + 1)
