"""Void: a whole sale is taken back on the day it was made: its goods to the shelf, all its tenders to the customer."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import structs

from backend.ids import returned_id
from backend.model.answers import Answer, Code, Refusal
from backend.model.books import Books, Effect, Refund
from backend.model.commands import Command, Reason
from backend.model.documents import opened
from backend.model.posting import Cause, post
from backend.model.refusals import Refused
from backend.model.returns import (
    RETURNED,
    ReturnedStatus,
    ReturnLine,
    ReturnStep,
    came_back,
    find_sale,
    returned_of,
    taken_back,
)
from backend.model.shortfalls import made_good
from backend.model.stock import Who
from backend.model.tenders import Tender

from .verb import Documents, MovementKind, Rows, Sign, Verb


class VoidSale(Command, frozen=True, tag="void_sale"):
    """A whole sale is taken back. The server makes the command once a supervisor has approved it."""

    sale_id: UUID
    reason: Reason
    approved_by: str
    time_zone: str = "UTC"
    """Of the shop: the sale has to be of its present day."""


def _rows(command: VoidSale, _: Documents, rows: Rows) -> None:
    if sale := rows.sales.get(command.sale_id):
        rows.add_lines(command.store_id, sale.lines)


def _decide(books: Books, command: VoidSale, who: Who, now: datetime) -> Effect:
    """Returns the void. The money of a sale whose tenders nobody recorded is settled by hand: it names no tenders."""
    sale = find_sale(books, command.store_id, command.sale_id)
    document, body = returned_of(books, sale)
    if document is not None:
        message = "Units of this sale have come back already; return the others one by one."
        raise Refused(Refusal(Code.SALE_RETURNED, message, state=document.status, field="sale_id"))
    here = ZoneInfo(command.time_zone)
    if (day := sale.record.sold_at.astimezone(here).date()) != now.astimezone(here).date():
        message = f"This sale is of {day}; a sale is voided on its own day. Return its lines instead."
        raise Refused(Refusal(Code.VOID_TOO_LATE, message, field="sale_id"))
    whole = tuple([ReturnLine(line.line, line.sold) for line in body.lines])
    lines, case = made_good(books, sale.record.id, body.lines, taken_back(body.lines, whole), who, now)
    refund = tuple([Tender(x.kind, x.amount_cents, reference=x.reference) for x in sale.tenders])
    by = (who.actor, who.terminal_id, now, command.approved_by)
    step = ReturnStep(command.id, whole, refund, command.reason, *by)
    after = structs.replace(body, lines=lines, steps=(step,))
    document = opened(
        returned_id(sale.record.id),
        command.store_id,
        RETURNED.name,
        ReturnedStatus.VOIDED,
        after,
        who,
        now,
        reference=sale.record.receipt_number,
    )
    cause = Cause(VOID.name, command.id, who, now, str(document.id), command.reason)
    posted = post(books, command.store_id, came_back(body.lines, lines), cause)
    answer = Answer(command.id, stock=posted.rows, at=now, documents=(document,) if case is None else (document, case))
    return Effect(answer, posted.movements, refund=Refund(sale.record.id, refund))


VOID = MovementKind("void", {"on_hand": Sign.MORE}, event="movement")
VERB = Verb(
    command=VoidSale,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (returned_id(command.sale_id), command.sale_id),
    sales=lambda command: (command.sale_id,),
    movements=(VOID,),
)
