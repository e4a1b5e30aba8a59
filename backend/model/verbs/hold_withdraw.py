"""Withdraw: the store that asked for a hold elsewhere does not want the units any more."""

from datetime import datetime
from uuid import UUID

from msgspec import structs

from backend.model.books import Books, Effect
from backend.model.commands import Command, StoreId, Text
from backend.model.holds import end, live
from backend.model.pickups import PICKUP, PickupStatus, find_pickup, went_on
from backend.model.refusals import Refused, unknown_document
from backend.model.reservations import Status
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class HoldWithdraw(Command, frozen=True, tag="hold_withdraw"):
    """End the hold of a pickup in `store_id` that `for_store_id` asked for."""

    for_store_id: StoreId
    pickup_id: UUID
    reason: Text = ""


def _rows(command: HoldWithdraw, _: Documents, rows: Rows) -> None:
    rows.reservations.append((command.store_id, command.pickup_id))


def _decide(books: Books, command: HoldWithdraw, who: Who, now: datetime) -> Effect:
    pickup, body = find_pickup(books, command.store_id, command.pickup_id)
    if pickup.other_store_id != command.for_store_id:
        raise Refused(unknown_document(PICKUP.name, pickup.id))
    hold = live(books, command.store_id, command.pickup_id, now)
    effect = end(books, command, who, now, hold, Status.CANCELLED)
    step = step_of(VERB.name, who, now, command.reason)
    withdrawn = went_on(pickup, body, PickupStatus.WITHDRAWN, step)
    effect.answer = structs.replace(effect.answer, at=now, documents=(withdrawn,))
    return effect


VERB = Verb(
    command=HoldWithdraw,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.pickup_id,),
    movements=(MovementKind("hold_withdraw", {"reserved": Sign.LESS}),),
    scope=Scope.RESERVATIONS_ELSEWHERE,
    acts_in=lambda command: command.for_store_id,
)
