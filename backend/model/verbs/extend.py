"""Extend: a live hold's deadline moves; no unit does."""

from datetime import datetime
from uuid import UUID

from msgspec import structs

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Ttl
from backend.model.holds import lifetime, live
from backend.model.scopes import Scope
from backend.model.stock import Who

from .verb import Documents, Rows, Verb


class Extend(Command, frozen=True, tag="extend"):
    """Move a live hold's deadline to `ttl_seconds` from now."""

    reservation_id: UUID
    ttl_seconds: Ttl


def _rows(command: Extend, _: Documents, rows: Rows) -> None:
    rows.reservations.append((command.store_id, command.reservation_id))


def _decide(books: Books, command: Extend, who: Who, now: datetime) -> Effect:
    hold = live(books, command.store_id, command.reservation_id, now)
    deadline = now + lifetime(command.ttl_seconds)
    extended = structs.replace(hold, expires_at=deadline, updated_at=now, version=hold.version + 1)
    return Effect(Answer(command.id, reservation=extended), reservations=(extended,))


VERB = Verb(command=Extend, decide=_decide, rows=_rows, scope=Scope.RESERVATIONS_WRITE)
