"""End a purchase: nothing more will come. What is still incoming is given back."""

from datetime import datetime
from uuid import UUID

from msgspec import structs

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Text
from backend.model.documents import stepped
from backend.model.posting import Cause, post
from backend.model.purchases import AWAITED, PurchaseStatus, find_purchase, products_of
from backend.model.refusals import in_status
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Change, Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class PurchaseEnd(Command, frozen=True, tag="purchase_end"):
    """Nothing more will come of a purchase: it is closed if something has come, and cancelled if nothing has."""

    purchase_id: UUID
    reason: Text = ""


def _rows(command: PurchaseEnd, documents: Documents, rows: Rows) -> None:
    products = products_of(documents.get(command.purchase_id))
    rows.stock.update((command.store_id, product_id) for product_id in products)


def _decide(books: Books, command: PurchaseEnd, who: Who, now: datetime) -> Effect:
    purchase, body = find_purchase(books, command.store_id, command.purchase_id)
    in_status(purchase, *AWAITED)
    changes = {line.product_id: Change(incoming=-line.short) for line in body.lines if line.short}
    cause = Cause(END.name, command.id, who, now, str(purchase.id), command.reason)
    posted = post(books, command.store_id, changes, cause)
    body = structs.replace(body, steps=(*body.steps, step_of(VERB.name, who, now, command.reason)))
    untouched = purchase.status == PurchaseStatus.OPEN
    after = stepped(purchase, now, status=PurchaseStatus.CANCELLED if untouched else PurchaseStatus.CLOSED, body=body)
    return Effect(Answer(command.id, stock=posted.rows, at=now, documents=(after,)), posted.movements)


END = MovementKind("purchase_end", {"incoming": Sign.LESS}, event="movement")
VERB = Verb(
    command=PurchaseEnd,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.purchase_id,),
    movements=(END,),
    scope=Scope.STOCK_WRITE,
)
