"""Release: units in quarantine can be sold again."""

from datetime import datetime

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Lines, Text
from backend.model.posting import Cause, post, summed
from backend.model.scopes import Scope
from backend.model.stock import Change, Who
from backend.model.unsellable import require_unavailable

from .verb import Documents, MovementKind, Rows, Sign, Verb


class Release(Command, frozen=True, tag="release"):
    """Make unavailable units available again: they were inspected and are good."""

    lines: Lines
    reason: Text = ""
    document_id: Text = ""


def _rows(command: Release, _: Documents, rows: Rows) -> None:
    rows.add_lines(command.store_id, command.lines)


def _decide(books: Books, command: Release, who: Who, now: datetime) -> Effect:
    wanted = summed(command.lines)
    require_unavailable(books, command.store_id, wanted)
    changes = {p: Change(unavailable=-n) for p, n in wanted.items()}
    cause = Cause("release", command.id, who, now, command.document_id, command.reason)
    posted = post(books, command.store_id, changes, cause)
    return Effect(Answer(command.id, stock=posted.rows, at=now), posted.movements)


VERB = Verb(
    command=Release,
    decide=_decide,
    rows=_rows,
    movements=(MovementKind("release", {"unavailable": Sign.LESS}, event="movement"),),
    scope=Scope.STOCK_WRITE,
    ends_dead_holds=False,  # what is short is the quarantine, not the shelf
)
