"""Receive goods that nobody had announced: no purchase, but supplier and cost are kept."""

from datetime import datetime

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Text
from backend.model.documents import opened
from backend.model.posting import Cause, post
from backend.model.purchases import (
    RECEIPT,
    RECEIPT_STATUS,
    ReceiptBody,
    ReceivedLines,
    Supplier,
    UnknownItems,
    ensure_unknown,
    received,
)
from backend.model.refusals import Refused, empty_lines
from backend.model.scopes import Scope
from backend.model.stock import Change, Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class GoodsReceipt(Command, frozen=True, tag="goods_receipt"):
    """Goods arrive without an order or a notice."""

    supplier: Supplier
    lines: ReceivedLines = ()
    unknown: UnknownItems = ()
    reference: Text = ""
    """The number of the delivery note."""
    note: Text = ""


def _rows(command: GoodsReceipt, _: Documents, rows: Rows) -> None:
    rows.stock.update((command.store_id, line.product_id) for line in command.lines)
    rows.stock.update((command.store_id, item.code) for item in command.unknown)


def _decide(books: Books, command: GoodsReceipt, who: Who, now: datetime) -> Effect:
    ensure_unknown(books, command.store_id, command.unknown)
    came = received(command.lines, {})
    if not came and not command.unknown:
        raise Refused(empty_lines())
    changes = {x.product_id: Change(on_hand=x.good + x.damaged, unavailable=x.damaged) for x in came}
    cause = Cause(RECEIVED.name, command.id, who, now, str(command.id), command.note)
    posted = post(books, command.store_id, changes, cause)
    receipt = opened(
        command.id,
        command.store_id,
        RECEIPT.name,
        RECEIPT_STATUS,
        ReceiptBody(command.supplier, came, None, command.unknown, command.note),
        who,
        now,
        reference=command.reference,
    )
    return Effect(Answer(command.id, stock=posted.rows, at=now, documents=(receipt,)), posted.movements)


RECEIVED = MovementKind("goods_receipt", {"on_hand": Sign.MORE, "unavailable": Sign.MORE}, event="movement")
VERB = Verb(
    command=GoodsReceipt,
    decide=_decide,
    rows=_rows,
    movements=(RECEIVED,),
    scope=Scope.STOCK_WRITE,
    opens=(RECEIPT,),
)
