"""Quarantine: units stay in the store but cannot be sold any more."""

from datetime import datetime

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Lines, Text
from backend.model.posting import Cause, post, summed
from backend.model.reasons import ReasonCode, require_reason, told
from backend.model.scopes import Scope
from backend.model.stock import Change, Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class Quarantine(Command, frozen=True, tag="quarantine"):
    """Make available units unavailable: they are damaged, under inspection or recalled."""

    lines: Lines
    reason_code: ReasonCode
    reason: Text = ""
    document_id: Text = ""


def _rows(command: Quarantine, _: Documents, rows: Rows) -> None:
    rows.add_lines(command.store_id, command.lines)


def _decide(books: Books, command: Quarantine, who: Who, now: datetime) -> Effect:
    wanted = summed(command.lines)
    require_reason(command.reason_code, "holds_back")
    changes = {p: Change(unavailable=n) for p, n in wanted.items()}
    reason = told(command.reason_code, command.reason)
    cause = Cause("quarantine", command.id, who, now, command.document_id, reason)
    posted = post(books, command.store_id, changes, cause, wanted)
    return Effect(Answer(command.id, stock=posted.rows, at=now), posted.movements)


VERB = Verb(
    command=Quarantine,
    decide=_decide,
    rows=_rows,
    movements=(MovementKind("quarantine", {"unavailable": Sign.MORE}, event="movement"),),
    scope=Scope.STOCK_WRITE,
)
