"""Open a shift: a terminal's drawer is taken into use, with some cash to give change with."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, structs

from backend.ids import drawer_id
from backend.model.answers import Answer, Code, Refusal
from backend.model.books import Books, Effect
from backend.model.commands import Cents, Command, Text
from backend.model.documents import Document, DocumentKind, opened, stepped
from backend.model.refusals import Refused, unknown
from backend.model.scopes import Scope
from backend.model.shifts import DRAWER, SHIFT, DrawerBody, ShiftBody, ShiftStatus, drawer_of
from backend.model.stock import Who

from .verb import Documents, Rows, Verb

TerminalId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")]


class ShiftOpen(Command, frozen=True, tag="shift_open"):
    """A shift begins at a terminal, which has none that is open."""

    terminal_id: TerminalId
    float_cents: Cents
    note: Text = ""


def _rows(command: ShiftOpen, _: Documents, rows: Rows) -> None:
    """Adds a product that cannot be: a shift is about money, and its store is looked up with the rows."""
    rows.stock.add((command.store_id, ""))


def _decide(books: Books, command: ShiftOpen, who: Who, now: datetime) -> Effect:
    store_id, terminal_id = command.store_id, command.terminal_id
    if store_id not in books.stores:
        raise Refused(unknown(books, store_id, ""))
    drawer, body = drawer_of(books, store_id, terminal_id), DrawerBody(command.id)
    if drawer is None:
        drawer = _opened(drawer_id(store_id, terminal_id), DRAWER, body, command, who, now)
    elif drawer.status == ShiftStatus.OPEN:
        other = drawer.read(DrawerBody).shift_id
        message = f"Terminal {terminal_id} has the open shift {other}; close it first."
        raise Refused(Refusal(Code.SHIFT_OPEN, message, state=str(other), field="terminal_id"))
    else:
        drawer = stepped(drawer, now, status=ShiftStatus.OPEN, body=body)
    begun = ShiftBody(command.float_cents, note=command.note)
    shift = _opened(command.id, SHIFT, begun, command, who, now)
    return Effect(Answer(command.id, at=now, documents=(shift, drawer)))


def _opened(id_: UUID, kind: DocumentKind, body: Struct, command: ShiftOpen, who: Who, now: datetime) -> Document:
    """Returns a document of the terminal that the command names, whichever one sent it."""
    terminal_id = command.terminal_id
    new = opened(id_, command.store_id, kind.name, ShiftStatus.OPEN, body, who, now, reference=terminal_id)
    return structs.replace(new, terminal_id=terminal_id)


VERB = Verb(
    command=ShiftOpen,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (drawer_id(command.store_id, command.terminal_id),),
    scope=Scope.SHIFTS_WRITE,
    opens=(SHIFT, DRAWER),
)
