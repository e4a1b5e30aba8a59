"""Cancel an order: what is left of it is not allocated any more."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec import structs

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Text
from backend.model.documents import stepped
from backend.model.orders import CANCELLED, KIND, Order, live
from backend.model.posting import Cause, post
from backend.model.scopes import Scope
from backend.model.stock import Change, Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class OrderCancel(Command, frozen=True, tag="order_cancel"):
    """End an order; its allocated units are available again. What was handed over stays handed over."""

    order_id: UUID
    reason: Text = ""


def _documents(command: OrderCancel) -> Iterable[UUID]:
    return (command.order_id,)


def _rows(command: OrderCancel, documents: Documents, rows: Rows) -> None:
    document = documents.get(command.order_id)
    if document is not None and document.kind == KIND:
        rows.stock.update((document.store_id, line.product_id) for line in document.read(Order).lines)


def _decide(books: Books, command: OrderCancel, who: Who, now: datetime) -> Effect:
    document = live(books, command.store_id, command.order_id)
    order = document.read(Order)
    changes = {line.product_id: Change(allocated=-line.allocated) for line in order.lines if line.allocated}
    cause = Cause("order_cancel", command.id, who, now, document_id=str(document.id), reason=command.reason)
    posted = post(books, command.store_id, changes, cause)
    body = structs.replace(order, lines=tuple([structs.replace(line, allocated=0) for line in order.lines]))
    over = stepped(document, now, status=CANCELLED, body=body)
    return Effect(Answer(command.id, stock=posted.rows, at=now, documents=(over,)), posted.movements)


VERB = Verb(
    command=OrderCancel,
    decide=_decide,
    rows=_rows,
    documents=_documents,
    movements=(MovementKind("order_cancel", {"allocated": Sign.LESS}, event="movement"),),
    scope=Scope.ORDERS_WRITE,
)
