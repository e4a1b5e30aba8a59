"""Expire: a hold whose deadline has passed is ended by the ledger itself."""

from datetime import datetime
from uuid import UUID

from backend.model.answers import Code, Refusal
from backend.model.books import Books, Effect
from backend.model.commands import Command
from backend.model.holds import end, pending
from backend.model.refusals import Refused
from backend.model.reservations import Status
from backend.model.stock import Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class Expire(Command, frozen=True, tag="expire"):
    """End a hold whose deadline has passed. Sent by the ledger, never by a client."""

    reservation_id: UUID


def _rows(command: Expire, _: Documents, rows: Rows) -> None:
    rows.reservations.append((command.store_id, command.reservation_id))


def _decide(books: Books, command: Expire, who: Who, now: datetime) -> Effect:
    hold = pending(books, command.store_id, command.reservation_id)
    if now < hold.expires_at:
        raise Refused(Refusal(Code.RESERVATION_NOT_DUE, "This hold's deadline has not passed yet."))
    return end(books, command, who, now, hold, Status.EXPIRED)


VERB = Verb(
    command=Expire,
    decide=_decide,
    rows=_rows,
    movements=(MovementKind("expire", {"reserved": Sign.LESS}),),
)
