"""Hold at the other store: units there are kept for somebody here. Whoever asks gets no other right there."""

from datetime import datetime

from backend.model.answers import Answer, Code, Refusal
from backend.model.books import Books, Effect
from backend.model.commands import Command, Lines, Reason, StoreId, Text, Ttl
from backend.model.documents import opened
from backend.model.holds import lifetime
from backend.model.pickups import PICKUP, PickupBody, PickupLine, PickupStatus
from backend.model.posting import Cause, post, summed
from backend.model.refusals import Refused, unknown
from backend.model.reservations import HeldLine, Reservation, Status
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Change, Who

from .verb import Documents, Rows, Verb


class HoldElsewhere(Command, frozen=True, tag="hold_elsewhere"):
    """Hold units in `store_id` for `ttl_seconds`, because `for_store_id` asks. Hold and pickup have its id."""

    for_store_id: StoreId
    lines: Lines
    ttl_seconds: Ttl
    reason: Reason
    customer_id: Text = ""


def _rows(command: HoldElsewhere, _: Documents, rows: Rows) -> None:
    rows.add_lines(command.store_id, command.lines)
    rows.stock.add((command.for_store_id, command.lines[0].product_id))  # tells whether there is such a store


def _decide(books: Books, command: HoldElsewhere, who: Who, now: datetime) -> Effect:
    here, asking = command.store_id, command.for_store_id
    if here == asking:
        message = f"Store {here} is the one that asks; make an ordinary hold there, or name another store."
        raise Refused(Refusal(Code.SAME_STORE, message, field="store_id"))
    if asking not in books.stores:
        raise Refused(unknown(books, asking, "", "for_store_id"))
    wanted = summed(command.lines)
    deadline = now + lifetime(command.ttl_seconds)
    cause = Cause("reserve", command.id, who, now, str(command.id), command.reason)
    posted = post(books, here, {p: Change(reserved=n) for p, n in wanted.items()}, cause, wanted)
    held = Reservation(
        id=command.id,
        store_id=here,
        status=Status.PENDING,
        lines=tuple([HeldLine(p, n) for p, n in wanted.items()]),
        expires_at=deadline,
        customer_id=command.customer_id,
        actor=who.actor,
        terminal_id=who.terminal_id,
        created_at=now,
        updated_at=now,
    )
    lines = tuple([PickupLine(p, n) for p, n in wanted.items()])
    steps = (step_of(VERB.name, who, now, command.reason),)
    body = PickupBody(lines, command.reason, command.customer_id, deadline, steps)
    pickup = opened(command.id, here, PICKUP.name, PickupStatus.ASKED, body, who, now, other_store_id=asking)
    answer = Answer(command.id, stock=posted.rows, reservation=held, at=now, documents=(pickup,))
    return Effect(answer, posted.movements, (held,))


VERB = Verb(
    command=HoldElsewhere,
    decide=_decide,
    rows=_rows,
    scope=Scope.RESERVATIONS_ELSEWHERE,
    acts_in=lambda command: command.for_store_id,
    opens=(PICKUP,),
    customer_waits=True,
)
