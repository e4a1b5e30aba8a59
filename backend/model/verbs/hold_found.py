"""Found: the store that was asked has the units in its hands, and may keep them for longer."""

from datetime import datetime
from uuid import UUID

from msgspec import structs

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Ttl
from backend.model.holds import lifetime, live
from backend.model.pickups import PickupStatus, find_pickup, went_on
from backend.model.refusals import in_status
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Who

from .verb import Documents, Rows, Verb


class HoldFound(Command, frozen=True, tag="hold_found"):
    """The units of a pickup were found. With `ttl_seconds` they are held for so long from now on."""

    pickup_id: UUID
    ttl_seconds: Ttl | None = None


def _rows(command: HoldFound, _: Documents, rows: Rows) -> None:
    rows.reservations.append((command.store_id, command.pickup_id))


def _decide(books: Books, command: HoldFound, who: Who, now: datetime) -> Effect:
    pickup, body = find_pickup(books, command.store_id, command.pickup_id)
    in_status(pickup, PickupStatus.ASKED, PickupStatus.MISSING)
    hold = live(books, command.store_id, command.pickup_id, now)
    step = step_of(VERB.name, who, now)
    if command.ttl_seconds is None:
        found = went_on(pickup, body, PickupStatus.FOUND, step)
        return Effect(Answer(command.id, reservation=hold, at=now, documents=(found,)))
    deadline = now + lifetime(command.ttl_seconds)
    hold = structs.replace(hold, expires_at=deadline, updated_at=now, version=hold.version + 1)
    found = went_on(pickup, body, PickupStatus.FOUND, step, hold)
    return Effect(Answer(command.id, reservation=hold, at=now, documents=(found,)), reservations=(hold,))


VERB = Verb(
    command=HoldFound,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.pickup_id,),
    scope=Scope.RESERVATIONS_WRITE,
)
