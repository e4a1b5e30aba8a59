"""Cancel a transfer. Before it is shipped its units are free again; in flight somebody has to say where they are."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import structs

from backend.model.answers import Answer, Code, Refusal
from backend.model.books import Books, Effect
from backend.model.commands import Command, Reason
from backend.model.documents import Document
from backend.model.posting import Cause, Posted, post
from backend.model.refusals import Refused, in_status
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Change, Who
from backend.model.transfers import (
    BEFORE_SHIPPING,
    IN_FLIGHT,
    TransferBody,
    TransferStatus,
    added,
    as_source,
    find_transfer,
    products_of,
    went_on,
)

from .verb import Documents, MovementKind, Rows, Sign, Verb


class InFlight(StrEnum):
    """What becomes of goods that are on their way when their transfer is cancelled."""

    RESTOCK = "restock"
    """They are back in the source, on its shelf."""
    WRITE_OFF = "write_off"
    """They are lost."""


class TransferCancel(Command, frozen=True, tag="transfer_cancel"):
    """End a transfer. `in_flight` must be said once the goods have left, and only then: it has no default."""

    transfer_id: UUID
    reason: Reason
    in_flight: InFlight | None = None


def _rows(command: TransferCancel, documents: Documents, rows: Rows) -> None:
    transfer = documents.get(command.transfer_id)
    for product_id in products_of(transfer):
        assert transfer is not None
        rows.stock.update(((transfer.store_id, product_id), (transfer.other_store_id, product_id)))


def _decide(books: Books, command: TransferCancel, who: Who, now: datetime) -> Effect:
    transfer, body = find_transfer(books, command.store_id, command.transfer_id)
    if transfer.status != TransferStatus.REQUESTED:  # which the store that asked may take back
        as_source(transfer, command.store_id)
    if transfer.status in IN_FLIGHT and command.in_flight is None:
        message = "The goods are on their way; say with in_flight whether they are back (restock) or lost (write_off)."
        raise Refused(Refusal(Code.GOODS_IN_FLIGHT, message, field="in_flight", state=transfer.status))
    in_status(transfer, *(BEFORE_SHIPPING if command.in_flight is None else IN_FLIGHT))
    cause = Cause(UNPACK.name, command.id, who, now, str(transfer.id), command.reason)
    step = step_of(VERB.name, who, now, command.reason)
    if command.in_flight is None:
        changes = {line.product_id: Change(allocated=-line.packed) for line in body.lines if line.packed}
        posted = post(books, transfer.store_id, changes, cause)
        lines = tuple([structs.replace(line, packed=0) for line in body.lines])
        cancelled = went_on(transfer, body, lines, step, TransferStatus.CANCELLED)
        return Effect(Answer(command.id, stock=posted.rows, at=now, documents=(cancelled,)), posted.movements)
    units = {line.product_id: line.open for line in body.lines if line.open}
    if command.in_flight is InFlight.RESTOCK:
        posted, lines = brought_back(books, transfer, units, cause), added(body.lines, returned=units)
    else:
        posted, lines = written_off(books, transfer, units, cause), added(body.lines, lost=units)
    cancelled = went_on(transfer, body, lines, step, _end(body))
    return Effect(Answer(command.id, stock=posted.rows, at=now, documents=(cancelled,)), posted.movements)


def _end(body: TransferBody) -> TransferStatus:
    """Returns what is left of a transfer of which some units had arrived is what they are: received."""
    arrived = any(line.received or line.damaged or line.missing for line in body.lines)
    return TransferStatus.RECEIVED if arrived else TransferStatus.CANCELLED


def brought_back(books: Books, transfer: Document, units: dict[str, int], cause: Cause) -> Posted:
    """Returns the rows and movements of units that are not incoming any more and on hand at the source again."""
    recalled = {p: Change(incoming=-n) for p, n in units.items()}
    away = post(books, transfer.other_store_id, recalled, cause._replace(kind=RECALL.name))
    back = {p: Change(on_hand=n) for p, n in units.items()}
    returned = post(books, transfer.store_id, back, cause._replace(kind=RETURN.name))
    return Posted((*away.rows, *returned.rows), (*away.movements, *returned.movements))


def written_off(books: Books, transfer: Document, units: dict[str, int], cause: Cause) -> Posted:
    """Returns the rows and movements of units that are not incoming any more, nor anywhere else."""
    lost = {p: Change(incoming=-n) for p, n in units.items()}
    return post(books, transfer.other_store_id, lost, cause._replace(kind=LOST.name))


UNPACK = MovementKind("transfer_unpack", {"allocated": Sign.LESS}, event="transfer")
RECALL = MovementKind("transfer_recall", {"incoming": Sign.LESS}, event="transfer", conserved=True)
RETURN = MovementKind("transfer_return", {"on_hand": Sign.MORE}, event="transfer", conserved=True)
LOST = MovementKind("transfer_lost", {"incoming": Sign.LESS}, event="transfer")
VERB = Verb(
    command=TransferCancel,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.transfer_id,),
    movements=(UNPACK, RECALL, RETURN, LOST),
    scope=Scope.TRANSFERS_WRITE,
    spans_stores=True,
)
