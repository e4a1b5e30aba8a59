"""Not on the shelf: the store that was asked cannot find the units. Somebody there is to count."""

from datetime import datetime
from uuid import UUID

from msgspec import structs

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Text
from backend.model.documents import opened
from backend.model.holds import end, find
from backend.model.pickups import COUNT_TASK, CountTaskBody, CountTaskStatus, PickupStatus, find_pickup, went_on
from backend.model.refusals import in_status
from backend.model.reservations import Status
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class HoldMissing(Command, frozen=True, tag="hold_missing"):
    """The units of a pickup were not found. The hold ends, or goes on with `keep` while somebody looks further.

    A count task is opened, whose id is the command's.
    """

    pickup_id: UUID
    keep: bool
    reason: Text = ""


def _rows(command: HoldMissing, _: Documents, rows: Rows) -> None:
    rows.reservations.append((command.store_id, command.pickup_id))


def _decide(books: Books, command: HoldMissing, who: Who, now: datetime) -> Effect:
    pickup, body = find_pickup(books, command.store_id, command.pickup_id)
    in_status(pickup, PickupStatus.ASKED, PickupStatus.FOUND)
    hold = find(books, command.store_id, command.pickup_id)
    step = step_of(VERB.name, who, now, command.reason)
    if command.keep or not hold.is_live(now):  # of a hold that is over there is nothing to end
        effect = Effect(Answer(command.id, reservation=hold))
    else:
        effect = end(books, command, who, now, hold, Status.CANCELLED)
    products = tuple([line.product_id for line in body.lines])
    reason = command.reason or "not on the shelf"
    task = opened(
        command.id,
        command.store_id,
        COUNT_TASK.name,
        CountTaskStatus.OPEN,
        CountTaskBody(products, reason, (step,), pickup.id),
        who,
        now,
        reference=str(pickup.id),
    )
    missing = went_on(pickup, body, PickupStatus.MISSING, step)
    effect.answer = structs.replace(effect.answer, at=now, documents=(missing, task))
    return effect


VERB = Verb(
    command=HoldMissing,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.pickup_id,),
    movements=(MovementKind("hold_missing", {"reserved": Sign.LESS}),),
    scope=Scope.RESERVATIONS_WRITE,
    opens=(COUNT_TASK,),
)
