"""Release an allotment: its terminal does not need the units any more, and they are free."""

from datetime import datetime
from uuid import UUID

from backend.model.books import Books, Effect
from backend.model.commands import Command
from backend.model.drawing import find_allotment, unknown_allotment
from backend.model.holds import end
from backend.model.refusals import Refused
from backend.model.reservations import Status
from backend.model.scopes import Scope
from backend.model.stock import Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class AllotRelease(Command, frozen=True, tag="allot_release"):
    """Give back an allotment of the terminal that sends this. Sales that draw on it are to be sent before."""

    allotment_id: UUID


def _rows(command: AllotRelease, _: Documents, rows: Rows) -> None:
    rows.reservations.append((command.store_id, command.allotment_id))


def _decide(books: Books, command: AllotRelease, who: Who, now: datetime) -> Effect:
    allotment = find_allotment(books, command.store_id, command.allotment_id)
    if allotment.terminal_id != who.terminal_id:
        raise Refused(unknown_allotment(command.store_id, command.allotment_id))
    return end(books, command, who, now, allotment, Status.CANCELLED)


VERB = Verb(
    command=AllotRelease,
    decide=_decide,
    rows=_rows,
    movements=(MovementKind("allot_release", {"reserved": Sign.LESS}),),
    scope=Scope.RESERVATIONS_WRITE,
)
