"""Close a shift: the drawer is counted by somebody who is not told what should be in it. It can always be closed."""

from datetime import datetime
from uuid import UUID

from msgspec import structs

from backend.ids import drawer_id
from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Text
from backend.model.documents import Document, stepped
from backend.model.refusals import Refused, unknown_document
from backend.model.scopes import Scope
from backend.model.shifts import SHIFT, DrawerBody, ShiftStatus, drawer_of, find_shift
from backend.model.stock import Who
from backend.model.tenders import CashCount

from .shift_open import TerminalId
from .verb import Documents, Rows, Verb


class ShiftClose(Command, frozen=True, tag="shift_close"):
    """A shift ends with what was counted in the terminal's drawer."""

    terminal_id: TerminalId
    shift_id: UUID
    counted_cents: CashCount
    note: Text = ""


def _rows(command: ShiftClose, _: Documents, rows: Rows) -> None:
    """Adds nothing: a shift is about money."""


def _decide(books: Books, command: ShiftClose, who: Who, now: datetime) -> Effect:
    shift, body = find_shift(books, command.store_id, command.shift_id)
    drawer = _drawer(books, command)
    closed = structs.replace(
        body,
        counted_cents=command.counted_cents,
        closed_by=who.actor,
        closed_at=now,
        note=command.note or body.note,
    )
    documents = (
        stepped(shift, now, status=ShiftStatus.CLOSED, body=closed),
        stepped(drawer, now, status=ShiftStatus.CLOSED),
    )
    return Effect(Answer(command.id, at=now, documents=documents))


def _drawer(books: Books, command: ShiftClose) -> Document:
    drawer = drawer_of(books, command.store_id, command.terminal_id)
    if drawer is None or drawer.read(DrawerBody).shift_id != command.shift_id:
        raise Refused(unknown_document(SHIFT.name, command.shift_id))  # it is another terminal's
    return drawer


VERB = Verb(
    command=ShiftClose,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.shift_id, drawer_id(command.store_id, command.terminal_id)),
    scope=Scope.SHIFTS_WRITE,
)
