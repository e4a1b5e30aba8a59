"""Return: units of a receipt come back, to the shelf or damaged, and their money is given back."""

from datetime import datetime
from uuid import UUID

from msgspec import structs

from backend.ids import returned_id
from backend.model.answers import Answer
from backend.model.books import Books, Effect, Refund
from backend.model.commands import Command, Text
from backend.model.documents import opened, stepped
from backend.model.posting import Cause, post
from backend.model.returns import (
    RETURNED,
    ReturnLines,
    ReturnStep,
    came_back,
    find_sale,
    refund_of,
    returned_of,
    status_of,
    taken_back,
)
from backend.model.scopes import Scope
from backend.model.shortfalls import made_good
from backend.model.stock import Who
from backend.model.tenders import TenderKind, Tenders

from .verb import Documents, MovementKind, Rows, Sign, Verb


class ReturnSale(Command, frozen=True, tag="return_sale"):
    """Units of a receipt's lines come back to the store that sold them.

    `refund` is what is given back, at most what was paid for these units; `refund_by` gives back all of it in one way.
    """

    sale_id: UUID
    lines: ReturnLines
    refund: Tenders = ()
    refund_by: TenderKind | None = None
    reason: Text = ""


def _rows(command: ReturnSale, _: Documents, rows: Rows) -> None:
    if sale := rows.sales.get(command.sale_id):
        named = {line.line for line in command.lines}
        rows.add_lines(command.store_id, [x for n, x in enumerate(sale.lines, 1) if n in named])


def _decide(books: Books, command: ReturnSale, who: Who, now: datetime) -> Effect:
    sale = find_sale(books, command.store_id, command.sale_id)
    document, body = returned_of(books, sale)
    lines, case = made_good(books, sale.record.id, body.lines, taken_back(body.lines, command.lines), who, now)
    most = sum([x.worth(x.returned) - was.worth(was.returned) for was, x in zip(body.lines, lines, strict=True)])
    refund = refund_of(most, command.refund, command.refund_by)
    step = ReturnStep(command.id, command.lines, refund, command.reason, who.actor, who.terminal_id, now)
    after, status = structs.replace(body, lines=lines, steps=(*body.steps, step)), status_of(lines)
    if document is None:
        id_, receipt = returned_id(sale.record.id), sale.record.receipt_number
        document = opened(id_, command.store_id, RETURNED.name, status, after, who, now, reference=receipt)
    else:
        document = stepped(document, now, status=status, body=after)
    cause = Cause(RETURN.name, command.id, who, now, str(document.id), command.reason)
    posted = post(books, command.store_id, came_back(body.lines, lines), cause)
    answer = Answer(command.id, stock=posted.rows, at=now, documents=(document,) if case is None else (document, case))
    return Effect(answer, posted.movements, refund=Refund(sale.record.id, refund))


RETURN = MovementKind("return", {"on_hand": Sign.MORE, "unavailable": Sign.MORE}, event="movement")
VERB = Verb(
    command=ReturnSale,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (returned_id(command.sale_id), command.sale_id),
    sales=lambda command: (command.sale_id,),
    movements=(RETURN,),
    scope=Scope.RETURNS_WRITE,
    opens=(RETURNED,),
)
