"""Reclaim an allotment: somebody takes the units of a terminal that does not give them back."""

from datetime import datetime
from uuid import UUID

from msgspec import structs

from backend.model.answers import Code, Refusal
from backend.model.books import Books, Effect
from backend.model.commands import Command, Reason
from backend.model.drawing import find_allotment
from backend.model.holds import end
from backend.model.refusals import Refused
from backend.model.reservations import Status
from backend.model.scopes import Scope
from backend.model.stock import Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class AllotReclaim(Command, frozen=True, tag="allot_reclaim"):
    """End another terminal's allotment, and say why. What that terminal has sold of it may be short when it reports."""

    allotment_id: UUID
    reason: Reason


def _rows(command: AllotReclaim, _: Documents, rows: Rows) -> None:
    rows.reservations.append((command.store_id, command.allotment_id))


def _decide(books: Books, command: AllotReclaim, who: Who, now: datetime) -> Effect:
    if ":" in who.actor:  # a key or a part of the server, no name of a person
        message = "Only a person may reclaim what a terminal keeps; sign in by name."
        raise Refused(Refusal(Code.SCOPE_MISSING, message))
    allotment = find_allotment(books, command.store_id, command.allotment_id)
    effect = end(books, command, who, now, allotment, Status.CANCELLED)
    effect.movements = [structs.replace(movement, reason=command.reason) for movement in effect.movements]
    return effect


VERB = Verb(
    command=AllotReclaim,
    decide=_decide,
    rows=_rows,
    movements=(MovementKind("allot_reclaim", {"reserved": Sign.LESS}, event="movement"),),
    scope=Scope.ALLOTMENTS_RECLAIM,
)
