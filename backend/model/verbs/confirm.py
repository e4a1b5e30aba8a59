"""Confirm: a hold is handed over, all of it or a part, and its units leave the store."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from backend.model.answers import Code, Refusal, ShortLine
from backend.model.books import Books, Effect
from backend.model.commands import MAX_LINES, Command, Line
from backend.model.holds import end, live
from backend.model.posting import summed
from backend.model.refusals import Refused
from backend.model.reservations import Status
from backend.model.scopes import Scope
from backend.model.stock import Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class Confirm(Command, frozen=True, tag="confirm"):
    """Hand over a hold: all of it, or only `lines`; what is not handed over is free again."""

    reservation_id: UUID
    lines: Annotated[tuple[Line, ...], Meta(max_length=MAX_LINES)] | None = None


def _rows(command: Confirm, _: Documents, rows: Rows) -> None:
    rows.reservations.append((command.store_id, command.reservation_id))


def _decide(books: Books, command: Confirm, who: Who, now: datetime) -> Effect:
    hold = live(books, command.store_id, command.reservation_id, now)
    held = {line.product_id: line.quantity for line in hold.lines}
    taken = held if command.lines is None else summed(command.lines)
    lacking = tuple([ShortLine(p, n, held.get(p, 0)) for p, n in taken.items() if n > held.get(p, 0)])
    if lacking:
        message = "The hold has fewer units than you want to confirm."
        raise Refused(Refusal(Code.INSUFFICIENT_STOCK, message, lacking))
    return end(books, command, who, now, hold, Status.CONFIRMED, taken)


VERB = Verb(
    command=Confirm,
    decide=_decide,
    rows=_rows,
    movements=(MovementKind("confirm", {"on_hand": Sign.LESS, "reserved": Sign.LESS}),),
    scope=Scope.RESERVATIONS_WRITE,
    ends_dead_holds=False,  # what is short is the hold, not the shelf
)
