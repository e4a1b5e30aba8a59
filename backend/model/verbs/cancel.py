"""Cancel: a hold is ended by somebody, and its units are free."""

from datetime import datetime
from uuid import UUID

from backend.model.books import Books, Effect
from backend.model.commands import Command
from backend.model.holds import end, live
from backend.model.reservations import Status
from backend.model.scopes import Scope
from backend.model.stock import Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class Cancel(Command, frozen=True, tag="cancel"):
    """End a hold and free its units."""

    reservation_id: UUID


def _rows(command: Cancel, _: Documents, rows: Rows) -> None:
    rows.reservations.append((command.store_id, command.reservation_id))


def _decide(books: Books, command: Cancel, who: Who, now: datetime) -> Effect:
    hold = live(books, command.store_id, command.reservation_id, now)
    return end(books, command, who, now, hold, Status.CANCELLED)


VERB = Verb(
    command=Cancel,
    decide=_decide,
    rows=_rows,
    movements=(MovementKind("cancel", {"reserved": Sign.LESS}),),
    scope=Scope.RESERVATIONS_WRITE,
)
