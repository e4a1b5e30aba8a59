"""Close a transfer: nothing more will arrive, and what is still open becomes a discrepancy case of both stores."""

from datetime import datetime
from uuid import UUID

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Text
from backend.model.discrepancies import open_case
from backend.model.refusals import in_status
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Who
from backend.model.transfers import IN_FLIGHT, added, as_destination, find_transfer, went_on

from .verb import Documents, Rows, Verb


class TransferClose(Command, frozen=True, tag="transfer_close"):
    """The destination says that it has everything that came. The case that is opened has the id of the command."""

    transfer_id: UUID
    reason: Text = ""


def _rows(command: TransferClose, documents: Documents, rows: Rows) -> None:
    pass  # no stock moves: the units stay in transit, and the case accounts for them


def _decide(books: Books, command: TransferClose, who: Who, now: datetime) -> Effect:
    transfer, body = find_transfer(books, command.store_id, command.transfer_id)
    as_destination(transfer, command.store_id)
    in_status(transfer, *IN_FLIGHT)
    missing = {line.product_id: line.open for line in body.lines}
    step = step_of(VERB.name, who, now, command.reason)
    closed = went_on(transfer, body, added(body.lines, missing=missing), step)
    return Effect(Answer(command.id, at=now, documents=(closed, open_case(command.id, transfer, missing, step))))


VERB = Verb(
    command=TransferClose,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.transfer_id,),
    scope=Scope.TRANSFERS_WRITE,
)
