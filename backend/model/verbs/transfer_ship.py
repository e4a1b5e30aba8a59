"""Ship a transfer: what is packed leaves the source and is incoming at the destination."""

from datetime import datetime
from uuid import UUID

from msgspec import structs

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Text
from backend.model.posting import Cause, post
from backend.model.refusals import in_status
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Change, Who
from backend.model.transfers import (
    TransferStatus,
    as_source,
    find_transfer,
    products_of,
    went_on,
)

from .verb import Documents, MovementKind, Rows, Sign, Verb


class TransferShip(Command, frozen=True, tag="transfer_ship"):
    """The goods leave the source."""

    transfer_id: UUID
    reference: Text = ""
    """The number of the delivery note that travels with them; empty: it stays as it was."""


def _rows(command: TransferShip, documents: Documents, rows: Rows) -> None:
    transfer = documents.get(command.transfer_id)
    for product_id in products_of(transfer):
        assert transfer is not None
        rows.stock.update(((transfer.store_id, product_id), (transfer.other_store_id, product_id)))


def _decide(books: Books, command: TransferShip, who: Who, now: datetime) -> Effect:
    transfer, body = find_transfer(books, command.store_id, command.transfer_id)
    as_source(transfer, command.store_id)
    in_status(transfer, TransferStatus.PACKED)
    units = {line.product_id: line.packed for line in body.lines if line.packed}
    away = {p: Change(on_hand=-n, allocated=-n) for p, n in units.items()}
    cause = Cause(SHIP.name, command.id, who, now, str(transfer.id))
    out = post(books, transfer.store_id, away, cause)
    due = {p: Change(incoming=n) for p, n in units.items()}
    coming = post(books, transfer.other_store_id, due, cause._replace(kind=DUE.name))
    lines = tuple([structs.replace(line, packed=0, sent=line.packed) for line in body.lines])
    shipped = went_on(transfer, body, lines, step_of(VERB.name, who, now), TransferStatus.IN_TRANSIT)
    if command.reference:
        shipped = structs.replace(shipped, reference=command.reference)
    answer = Answer(command.id, stock=(*out.rows, *coming.rows), at=now, documents=(shipped,))
    return Effect(answer, (*out.movements, *coming.movements))


SHIP = MovementKind("transfer_ship", {"on_hand": Sign.LESS, "allocated": Sign.LESS}, event="transfer", conserved=True)
DUE = MovementKind("transfer_due", {"incoming": Sign.MORE}, event="transfer", conserved=True)
VERB = Verb(
    command=TransferShip,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.transfer_id,),
    movements=(SHIP, DUE),
    scope=Scope.TRANSFERS_WRITE,
    spans_stores=True,
)
