"""Allot: units are kept for a terminal, so that it can sell them while it reaches nobody."""

from datetime import datetime
from uuid import UUID

from msgspec import structs

from backend.model.allotments import DEFAULT_TTL_SECONDS, Allotment
from backend.model.answers import Answer, Code, Refusal, ShortLine
from backend.model.books import Books, Effect
from backend.model.commands import Command, ProductId, Quantity, Ttl
from backend.model.drawing import unknown_allotment
from backend.model.holds import lifetime
from backend.model.posting import Cause, post
from backend.model.refusals import Refused, short, unknown
from backend.model.reservations import NEVER, HeldLine, Reservation, Status
from backend.model.scopes import Scope
from backend.model.stock import Change, Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class Allot(Command, frozen=True, tag="allot"):
    """Keep `quantity` units for the terminal that asks, or as many of them as there are; the answer says how many.

    With `allotment_id` it is the terminal's own allotment of that product that is made larger or smaller and renewed:
    it keeps its id, so that a sale that draws on it is right whether it arrives before this or after. If it has ended
    meanwhile, a new one is made.
    """

    product_id: ProductId
    quantity: Quantity
    allotment_id: UUID | None = None
    ttl_seconds: Ttl = DEFAULT_TTL_SECONDS
    """When it is to be renewed at the latest. Later it is overdue, and keeps its units."""


def _rows(command: Allot, _: Documents, rows: Rows) -> None:
    rows.stock.add((command.store_id, command.product_id))
    if command.allotment_id is not None:
        rows.reservations.append((command.store_id, command.allotment_id))


def _decide(books: Books, command: Allot, who: Who, now: datetime) -> Effect:
    store_id, product_id = command.store_id, command.product_id
    if not who.terminal_id:
        message = "Only a terminal has allotments; sign in at one."
        raise Refused(Refusal(Code.TERMINAL_NEEDED, message, field="terminal_id"))
    due_at = now + lifetime(command.ttl_seconds)
    row = books.stock.get((store_id, product_id))
    if row is None:
        raise Refused(unknown(books, store_id, product_id))
    former = _former(books, command, who)
    kept = former.lines[0].quantity if former else 0
    units = min(command.quantity, kept + row.available)
    if units < 1:
        raise Refused(short([ShortLine(product_id, command.quantity, 0)]))
    lines = (HeldLine(product_id, units),)
    if former is None:
        held = Reservation(
            id=command.id,
            store_id=store_id,
            status=Status.PENDING,
            lines=lines,
            expires_at=NEVER,
            customer_id="",
            actor=who.actor,
            terminal_id=who.terminal_id,
            created_at=now,
            updated_at=now,
        )
    else:
        held = structs.replace(former, lines=lines, updated_at=now, version=former.version + 1)
    changes = {product_id: Change(reserved=units - kept)} if units != kept else {}
    posted = post(books, store_id, changes, Cause("allot", command.id, who, now, str(held.id)))
    allotment = Allotment(held.id, store_id, product_id, who.terminal_id, units, due_at)
    answer = Answer(command.id, stock=posted.rows, reservation=held, at=now, allotment=allotment)
    return Effect(answer, posted.movements, (held,))


def _former(books: Books, command: Allot, who: Who) -> Reservation | None:
    """Returns the allotment that is renewed; None if it has ended. Raises Refused if it is none of this terminal's."""
    if command.allotment_id is None or (found := books.reservations.get(command.allotment_id)) is None:
        return None
    place = (found.store_id, found.terminal_id, found.lines[0].product_id)
    if not found.is_allotment or place != (command.store_id, who.terminal_id, command.product_id):
        raise Refused(unknown_allotment(command.store_id, command.allotment_id))
    return found if found.status is Status.PENDING else None


VERB = Verb(
    command=Allot,
    decide=_decide,
    rows=_rows,
    movements=(MovementKind("allot", {"reserved": Sign.EITHER}),),
    scope=Scope.RESERVATIONS_WRITE,
)
