"""Pay in: cash is put into the drawer during a shift, without a sale."""

from datetime import datetime
from uuid import UUID

from msgspec import structs

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Reason
from backend.model.documents import stepped
from backend.model.scopes import Scope
from backend.model.shifts import CashMove, find_shift
from backend.model.stock import Who
from backend.model.tenders import Amount

from .verb import Documents, Rows, Verb


class ShiftPayIn(Command, frozen=True, tag="shift_pay_in"):
    """Cash goes into the drawer, for a reason."""

    shift_id: UUID
    amount_cents: Amount
    reason: Reason


def _rows(command: ShiftPayIn, _: Documents, rows: Rows) -> None:
    """Adds nothing: a shift is about money."""


def moved(books: Books, command: Command, shift_id: UUID, cents: int, reason: str, who: Who, now: datetime) -> Effect:
    """Returns the shift with `cents` more cash in its drawer, or fewer if they are below zero."""
    shift, body = find_shift(books, command.store_id, shift_id)
    move = CashMove(command.id, cents, reason, who.actor, now)
    after = stepped(shift, now, body=structs.replace(body, moves=(*body.moves, move)))
    return Effect(Answer(command.id, at=now, documents=(after,)))


def _decide(books: Books, command: ShiftPayIn, who: Who, now: datetime) -> Effect:
    return moved(books, command, command.shift_id, command.amount_cents, command.reason, who, now)


VERB = Verb(
    command=ShiftPayIn,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.shift_id,),
    scope=Scope.SHIFTS_WRITE,
)
