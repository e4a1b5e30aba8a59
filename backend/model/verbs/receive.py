"""Receive: goods enter the store."""

from datetime import datetime

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Lines, Text
from backend.model.posting import Cause, post, summed
from backend.model.scopes import Scope
from backend.model.stock import Change, Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class Receive(Command, frozen=True, tag="receive"):
    """Goods enter the store."""

    lines: Lines
    document_id: Text = ""


def _rows(command: Receive, _: Documents, rows: Rows) -> None:
    rows.add_lines(command.store_id, command.lines)


def _decide(books: Books, command: Receive, who: Who, now: datetime) -> Effect:
    changes = {p: Change(on_hand=n) for p, n in summed(command.lines).items()}
    posted = post(books, command.store_id, changes, Cause("receive", command.id, who, now, command.document_id))
    return Effect(Answer(command.id, stock=posted.rows), posted.movements)


VERB = Verb(
    command=Receive,
    decide=_decide,
    rows=_rows,
    movements=(MovementKind("receive", {"on_hand": Sign.MORE}),),
    scope=Scope.STOCK_WRITE,
)
