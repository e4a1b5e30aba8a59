"""Open an order: units are allocated to a customer until they are handed over or the order is cancelled."""

from datetime import datetime

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Lines, Text
from backend.model.documents import DocumentKind, opened
from backend.model.orders import KIND, OPEN, Order, OrderLine, promises
from backend.model.posting import Cause, post, summed
from backend.model.refusals import Refused, unknown
from backend.model.scopes import Scope
from backend.model.stock import Change, Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class OrderOpen(Command, frozen=True, tag="order_open"):
    """Allocate units to a customer: all lines or none. With `backorder`, what is not available waits for goods."""

    lines: Lines
    customer_id: Text = ""
    reference: Text = ""
    backorder: bool = False


def _rows(command: OrderOpen, _: Documents, rows: Rows) -> None:
    rows.add_lines(command.store_id, command.lines)


def _decide(books: Books, command: OrderOpen, who: Who, now: datetime) -> Effect:
    wanted = summed(command.lines)
    allocated = dict(wanted)
    if command.backorder:
        for product_id, units in wanted.items():
            row = books.stock.get((command.store_id, product_id))
            if row is None:
                raise Refused(unknown(books, command.store_id, product_id))
            allocated[product_id] = min(units, row.available)
    changes = {p: Change(allocated=n) for p, n in allocated.items() if n}
    cause = Cause("order_open", command.id, who, now, document_id=str(command.id), reason=command.reference)
    posted = post(books, command.store_id, changes, cause, allocated)
    order = Order(command.customer_id, tuple([OrderLine(p, n, allocated[p]) for p, n in wanted.items()]))
    document = opened(command.id, command.store_id, KIND, OPEN, order, who, now, reference=command.reference)
    return Effect(Answer(command.id, stock=posted.rows, at=now, documents=(document,)), posted.movements)


VERB = Verb(
    command=OrderOpen,
    decide=_decide,
    rows=_rows,
    movements=(MovementKind("order_open", {"allocated": Sign.MORE}, event="movement"),),
    scope=Scope.ORDERS_WRITE,
    opens=(DocumentKind(KIND, Order, promises),),
)
