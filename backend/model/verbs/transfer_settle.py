"""Settle a discrepancy case, or some of its units: they were found, they came back, or they are lost."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import MAX_LINES, Command, Line, Reason
from backend.model.discrepancies import DISCREPANCY, CaseOutcome, CaseStatus, find_case, settled
from backend.model.posting import Cause, post
from backend.model.refusals import Refused, in_status, unknown_document
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Change, Who
from backend.model.transfers import (
    added,
    as_destination,
    as_source,
    chosen,
    find_transfer,
    products_of,
    went_on,
)

from .transfer_cancel import brought_back, written_off
from .transfer_receive import RECEIVE
from .verb import Documents, Rows, Verb


class TransferSettle(Command, frozen=True, tag="transfer_settle"):
    """Say what became of units that did not arrive: of all that are open, or of `lines`.

    The store in which they are says so: the one that receives for `found`, the one that sent for `returned`, either of
    them for `lost`.
    """

    discrepancy_id: UUID
    transfer_id: UUID
    outcome: CaseOutcome
    reason: Reason
    lines: Annotated[tuple[Line, ...], Meta(max_length=MAX_LINES)] | None = None


def _rows(command: TransferSettle, documents: Documents, rows: Rows) -> None:
    transfer = documents.get(command.transfer_id)
    for product_id in products_of(transfer):
        assert transfer is not None
        rows.stock.update(((transfer.store_id, product_id), (transfer.other_store_id, product_id)))


def _decide(books: Books, command: TransferSettle, who: Who, now: datetime) -> Effect:
    case, case_body = find_case(books, command.store_id, command.discrepancy_id)
    transfer, body = find_transfer(books, command.store_id, command.transfer_id)
    if case_body.transfer_id != transfer.id:
        raise Refused(unknown_document(DISCREPANCY.name, case.id))
    if command.outcome is CaseOutcome.FOUND:
        as_destination(transfer, command.store_id)
    elif command.outcome is CaseOutcome.RETURNED:
        as_source(transfer, command.store_id)
    in_status(case, CaseStatus.OPEN)
    units = chosen(command.lines, {line.product_id: line.open for line in case_body.lines}, "missing in this case")
    cause = Cause(RECEIVE.name, command.id, who, now, str(transfer.id), command.reason)
    if command.outcome is CaseOutcome.FOUND:
        arrived = {p: Change(on_hand=n, incoming=-n) for p, n in units.items()}
        posted, field = post(books, transfer.other_store_id, arrived, cause), "received"
    elif command.outcome is CaseOutcome.RETURNED:
        posted, field = brought_back(books, transfer, units, cause), "returned"
    else:
        posted, field = written_off(books, transfer, units, cause), "lost"
    step = step_of(VERB.name, who, now, command.reason)
    lines = added(body.lines, **{field: units, "missing": {p: -n for p, n in units.items()}})
    after = (settled(case, case_body, command.outcome, units, step), went_on(transfer, body, lines, step))
    return Effect(Answer(command.id, stock=posted.rows, at=now, documents=after), posted.movements)


VERB = Verb(
    command=TransferSettle,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.discrepancy_id, command.transfer_id),
    scope=Scope.TRANSFERS_WRITE,
    spans_stores=True,
)
