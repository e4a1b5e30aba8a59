"""Open a purchase: a supplier is to deliver goods. Its units are incoming until they are received or given up."""

from datetime import date, datetime

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Text
from backend.model.documents import opened
from backend.model.posting import Cause, post
from backend.model.purchases import PURCHASE, ExpectedLines, PurchaseBody, PurchaseStatus, Supplier, expected
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Change, Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class PurchaseOpen(Command, frozen=True, tag="purchase_open"):
    """A supplier is to deliver these goods: an order of ours, or an advance notice of theirs."""

    supplier: Supplier
    lines: ExpectedLines
    reference: Text = ""
    """The number of the order or of the notice."""
    expected_on: date | None = None
    note: Text = ""


def _rows(command: PurchaseOpen, _: Documents, rows: Rows) -> None:
    rows.stock.update((command.store_id, line.product_id) for line in command.lines)


def _decide(books: Books, command: PurchaseOpen, who: Who, now: datetime) -> Effect:
    lines = expected(command.lines)
    changes = {line.product_id: Change(incoming=line.expected) for line in lines}
    posted = post(books, command.store_id, changes, Cause(DUE.name, command.id, who, now, str(command.id)))
    body = PurchaseBody(
        command.supplier, lines, (step_of(VERB.name, who, now),), command.expected_on, note=command.note
    )
    purchase = opened(
        command.id, command.store_id, PURCHASE.name, PurchaseStatus.OPEN, body, who, now, reference=command.reference
    )
    return Effect(Answer(command.id, stock=posted.rows, at=now, documents=(purchase,)), posted.movements)


DUE = MovementKind("purchase_due", {"incoming": Sign.MORE}, event="movement")
VERB = Verb(
    command=PurchaseOpen,
    decide=_decide,
    rows=_rows,
    movements=(DUE,),
    scope=Scope.STOCK_WRITE,
    opens=(PURCHASE,),
)
