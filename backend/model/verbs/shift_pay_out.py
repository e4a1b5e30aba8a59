"""Pay out: cash is taken out of the drawer during a shift, without a refund."""

from datetime import datetime
from uuid import UUID

from backend.model.books import Books, Effect
from backend.model.commands import Command, Reason
from backend.model.scopes import Scope
from backend.model.stock import Who
from backend.model.tenders import Amount

from .shift_pay_in import moved
from .verb import Documents, Rows, Verb


class ShiftPayOut(Command, frozen=True, tag="shift_pay_out"):
    """Cash leaves the drawer, for a reason."""

    shift_id: UUID
    amount_cents: Amount
    reason: Reason


def _rows(command: ShiftPayOut, _: Documents, rows: Rows) -> None:
    """Adds nothing: a shift is about money."""


def _decide(books: Books, command: ShiftPayOut, who: Who, now: datetime) -> Effect:
    return moved(books, command, command.shift_id, -command.amount_cents, command.reason, who, now)


VERB = Verb(
    command=ShiftPayOut,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.shift_id,),
    scope=Scope.SHIFTS_WRITE,
)
