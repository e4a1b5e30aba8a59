"""Ended: the hold of a pickup is over, and its document says how, so that both stores are told."""

from datetime import datetime
from uuid import UUID

from backend.model.answers import Answer, Code, Refusal
from backend.model.books import Books, Effect
from backend.model.commands import Command
from backend.model.holds import find
from backend.model.pickups import AT_WORK, PickupStatus, find_pickup, went_on
from backend.model.refusals import Refused, in_status
from backend.model.reservations import Status
from backend.model.steps import step_of
from backend.model.stock import Who

from .verb import Documents, Rows, Verb

ENDS = {
    Status.CONFIRMED: PickupStatus.COLLECTED,
    Status.CANCELLED: PickupStatus.CANCELLED,
    Status.EXPIRED: PickupStatus.EXPIRED,
}
"""How a hold ended → what its pickup is then."""


class HoldEnded(Command, frozen=True, tag="hold_ended"):
    """Say how the hold of a pickup has ended. Sent by the server that notices, never by a client."""

    pickup_id: UUID


def _rows(command: HoldEnded, _: Documents, rows: Rows) -> None:
    rows.reservations.append((command.store_id, command.pickup_id))


def _decide(books: Books, command: HoldEnded, who: Who, now: datetime) -> Effect:
    pickup, body = find_pickup(books, command.store_id, command.pickup_id)
    in_status(pickup, *AT_WORK)
    hold = find(books, command.store_id, command.pickup_id)
    if hold.status is Status.PENDING:
        raise Refused(Refusal(Code.RESERVATION_NOT_DUE, "This hold has not ended yet."))
    over = went_on(pickup, body, ENDS[hold.status], step_of(VERB.name, who, now))
    return Effect(Answer(command.id, reservation=hold, at=now, documents=(over,)))


VERB = Verb(command=HoldEnded, decide=_decide, rows=_rows, documents=lambda command: (command.pickup_id,))
