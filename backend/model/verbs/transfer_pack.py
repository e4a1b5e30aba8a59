"""Pack a transfer: the source puts its units aside, so nobody can sell them. Packing again changes how many."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, structs

from backend.model.answers import Answer, Code, Refusal
from backend.model.books import Books, Effect
from backend.model.commands import MAX_LINES, Command, Line
from backend.model.posting import Cause, post
from backend.model.refusals import Refused, in_status
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Change, Who
from backend.model.transfers import (
    BEFORE_SHIPPING,
    TransferStatus,
    as_source,
    chosen,
    find_transfer,
    products_of,
    went_on,
)

from .verb import Documents, MovementKind, Rows, Sign, Verb


class TransferPack(Command, frozen=True, tag="transfer_pack"):
    """Allocate at the source what will be sent: everything that was asked for, or only `lines`."""

    transfer_id: UUID
    lines: Annotated[tuple[Line, ...], Meta(max_length=MAX_LINES)] | None = None


def _rows(command: TransferPack, documents: Documents, rows: Rows) -> None:
    products = products_of(documents.get(command.transfer_id))
    rows.stock.update((command.store_id, product_id) for product_id in products)


def _decide(books: Books, command: TransferPack, who: Who, now: datetime) -> Effect:
    transfer, body = find_transfer(books, command.store_id, command.transfer_id)
    as_source(transfer, command.store_id)
    in_status(transfer, *BEFORE_SHIPPING)
    units = chosen(command.lines, {line.product_id: line.quantity for line in body.lines}, "asked for")
    lines = tuple([structs.replace(line, packed=units.get(line.product_id, 0)) for line in body.lines])
    more = {now_.product_id: now_.packed - was.packed for was, now_ in zip(body.lines, lines, strict=True)}
    changes = {product_id: Change(allocated=n) for product_id, n in more.items() if n}
    if transfer.status == TransferStatus.PACKED and not changes:
        message = "Exactly these units are packed already; ship them, or name others."
        raise Refused(Refusal(Code.INVALID_QUANTITY, message, field="lines"))
    cause = Cause(PACK.name, command.id, who, now, str(transfer.id))
    posted = post(books, transfer.store_id, changes, cause, more)
    packed = went_on(transfer, body, lines, step_of(VERB.name, who, now), TransferStatus.PACKED)
    return Effect(Answer(command.id, stock=posted.rows, at=now, documents=(packed,)), posted.movements)


PACK = MovementKind("transfer_pack", {"allocated": Sign.EITHER}, event="transfer")
VERB = Verb(
    command=TransferPack,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.transfer_id,),
    movements=(PACK,),
    scope=Scope.TRANSFERS_WRITE,
)
