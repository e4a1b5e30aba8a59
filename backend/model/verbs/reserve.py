"""Reserve: units are kept for somebody until a deadline."""

from datetime import datetime
from uuid import UUID

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Lines, Text, Ttl
from backend.model.holds import closed, find, freed, lifetime
from backend.model.posting import Cause, post, summed
from backend.model.refusals import Refused, ended
from backend.model.reservations import HeldLine, Reservation, Status
from backend.model.scopes import Scope
from backend.model.stock import Change, Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class Reserve(Command, frozen=True, tag="reserve"):
    """Hold units for `ttl_seconds`. With `replaces`, that hold is ended and its units serve this one first."""

    lines: Lines
    ttl_seconds: Ttl
    customer_id: Text = ""
    replaces: UUID | None = None


def _rows(command: Reserve, _: Documents, rows: Rows) -> None:
    rows.add_lines(command.store_id, command.lines)
    if command.replaces is not None:
        rows.reservations.append((command.store_id, command.replaces))


def _decide(books: Books, command: Reserve, who: Who, now: datetime) -> Effect:
    wanted = summed(command.lines)
    deadline = now + lifetime(command.ttl_seconds)
    over: tuple[Reservation, ...] = ()
    changes = {p: Change(reserved=n) for p, n in wanted.items()}
    if command.replaces is not None:
        # A replaced hold that is already gone frees nothing: the new one stands on what is available.
        hold = find(books, command.store_id, command.replaces)
        if hold.status is Status.CONFIRMED:
            raise Refused(ended(hold))
        if hold.status is Status.PENDING:
            freed(changes, hold)
            over = (closed(hold, Status.CANCELLED if hold.is_live(now) else Status.EXPIRED, now),)
    held = Reservation(
        id=command.id,
        store_id=command.store_id,
        status=Status.PENDING,
        lines=tuple([HeldLine(p, n) for p, n in wanted.items()]),
        expires_at=deadline,
        customer_id=command.customer_id,
        actor=who.actor,
        terminal_id=who.terminal_id,
        created_at=now,
        updated_at=now,
    )
    cause = Cause("reserve", command.id, who, now, document_id=str(command.id))
    posted = post(books, command.store_id, changes, cause, wanted)
    return Effect(Answer(command.id, stock=posted.rows, reservation=held), posted.movements, (*over, held))


VERB = Verb(
    command=Reserve,
    decide=_decide,
    rows=_rows,
    movements=(MovementKind("reserve", {"reserved": Sign.EITHER}),),
    scope=Scope.RESERVATIONS_WRITE,
    customer_waits=True,
)
