"""Fulfil an order: units of it are handed over and leave the store, all of them or a part."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, structs

from backend.model.answers import Answer, Code, Refusal, ShortLine
from backend.model.books import Books, Effect
from backend.model.commands import MAX_LINES, Command, Line
from backend.model.documents import stepped
from backend.model.orders import FULFILLED, KIND, PART_FULFILLED, Order, live
from backend.model.posting import Cause, post, summed
from backend.model.refusals import Refused
from backend.model.scopes import Scope
from backend.model.stock import Change, Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class OrderFulfil(Command, frozen=True, tag="order_fulfil"):
    """Hand over all that is left of an order, or only `lines`.

    Units that are allocated to it come first; a backorder line takes the rest from what is available.
    """

    order_id: UUID
    lines: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=MAX_LINES)] | None = None


def _documents(command: OrderFulfil) -> Iterable[UUID]:
    return (command.order_id,)


def _rows(command: OrderFulfil, documents: Documents, rows: Rows) -> None:
    document = documents.get(command.order_id)
    if document is not None and document.kind == KIND:
        rows.stock.update((document.store_id, line.product_id) for line in document.read(Order).lines)


def _decide(books: Books, command: OrderFulfil, who: Who, now: datetime) -> Effect:
    document = live(books, command.store_id, command.order_id)
    order = document.read(Order)
    left = {line.product_id: line.left for line in order.lines}
    taken = {p: n for p, n in left.items() if n} if command.lines is None else summed(command.lines)
    over = tuple([ShortLine(p, n, left.get(p, 0)) for p, n in taken.items() if n > left.get(p, 0)])
    if over:
        message = "The order has fewer units left than you want to hand over."
        raise Refused(Refusal(Code.INSUFFICIENT_STOCK, message, over))
    lines, changes, demand = [], {}, {}
    for line in order.lines:
        units = taken.get(line.product_id, 0)
        freed = min(units, line.allocated)
        lines.append(structs.replace(line, allocated=line.allocated - freed, fulfilled=line.fulfilled + units))
        if units:
            changes[line.product_id] = Change(on_hand=-units, allocated=-freed)
            demand[line.product_id] = units - freed
    cause = Cause("order_fulfil", command.id, who, now, document_id=str(document.id), reason=document.reference)
    posted = post(books, command.store_id, changes, cause, demand)
    status = PART_FULFILLED if any(line.left for line in lines) else FULFILLED
    body = structs.replace(order, lines=tuple(lines))
    after = stepped(document, now, status=status, body=body)
    answer = Answer(command.id, stock=posted.rows, at=now, documents=(after,))
    return Effect(answer, posted.movements)


VERB = Verb(
    command=OrderFulfil,
    decide=_decide,
    rows=_rows,
    documents=_documents,
    movements=(MovementKind("order_fulfil", {"on_hand": Sign.LESS, "allocated": Sign.LESS}, event="movement"),),
    scope=Scope.ORDERS_WRITE,
)
