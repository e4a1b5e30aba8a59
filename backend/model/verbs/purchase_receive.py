"""Receive goods of a purchase, in as many receipts as it takes: good, damaged, more than ordered, or not ordered."""

from datetime import datetime
from uuid import UUID

from msgspec import structs

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Text
from backend.model.documents import opened, stepped
from backend.model.posting import Cause, post
from backend.model.purchases import (
    AWAITED,
    RECEIPT,
    RECEIPT_STATUS,
    PurchaseStatus,
    ReceiptBody,
    ReceivedLines,
    UnknownItems,
    added,
    ensure_unknown,
    find_purchase,
    products_of,
    received,
)
from backend.model.refusals import Refused, empty_lines, in_status
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Change, Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class PurchaseReceive(Command, frozen=True, tag="purchase_receive"):
    """Goods of a purchase arrive. What has not come yet stays incoming."""

    purchase_id: UUID
    lines: ReceivedLines = ()
    unknown: UnknownItems = ()
    reference: Text = ""
    """The number of the delivery note."""
    note: Text = ""


def _rows(command: PurchaseReceive, documents: Documents, rows: Rows) -> None:
    products = products_of(documents.get(command.purchase_id))
    rows.stock.update((command.store_id, product_id) for product_id in products)
    rows.stock.update((command.store_id, line.product_id) for line in command.lines)
    rows.stock.update((command.store_id, item.code) for item in command.unknown)


def _decide(books: Books, command: PurchaseReceive, who: Who, now: datetime) -> Effect:
    """Returns the receipt, a document of its own with the id of the command, and the purchase after it."""
    purchase, body = find_purchase(books, command.store_id, command.purchase_id)
    in_status(purchase, *AWAITED)
    ensure_unknown(books, command.store_id, command.unknown)
    before = {line.product_id: line for line in body.lines}
    came = received(command.lines, {p: line.cost_cents for p, line in before.items()})
    if not came and not command.unknown:
        raise Refused(empty_lines())
    changes = {}
    for line in came:
        units, open_units = line.good + line.damaged, before[line.product_id].short if line.product_id in before else 0
        changes[line.product_id] = Change(on_hand=units, unavailable=line.damaged, incoming=-min(units, open_units))
    cause = Cause(RECEIVE.name, command.id, who, now, str(purchase.id), command.note)
    posted = post(books, command.store_id, changes, cause)
    lines = added(body.lines, came)
    body = structs.replace(
        body,
        lines=lines,
        unknown=(*body.unknown, *command.unknown),
        steps=(*body.steps, step_of(VERB.name, who, now, command.note)),
    )
    done = not any(line.short for line in lines)
    after = stepped(
        purchase, now, status=PurchaseStatus.RECEIVED if done else PurchaseStatus.PARTLY_RECEIVED, body=body
    )
    receipt = opened(
        command.id,
        command.store_id,
        RECEIPT.name,
        RECEIPT_STATUS,
        ReceiptBody(body.supplier, came, purchase.id, command.unknown, command.note),
        who,
        now,
        reference=command.reference or purchase.reference,
    )
    return Effect(Answer(command.id, stock=posted.rows, at=now, documents=(receipt, after)), posted.movements)


RECEIVE = MovementKind(
    "purchase_receive",
    {"on_hand": Sign.MORE, "unavailable": Sign.MORE, "incoming": Sign.LESS},
    event="movement",
)
VERB = Verb(
    command=PurchaseReceive,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.purchase_id,),
    movements=(RECEIVE,),
    scope=Scope.STOCK_WRITE,
)
