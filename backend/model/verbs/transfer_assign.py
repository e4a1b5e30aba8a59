"""Give a discrepancy case to somebody: its owner is the one who is to find out what became of the goods."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command
from backend.model.discrepancies import CaseStatus, find_case, given_to
from backend.model.refusals import in_status
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Who

from .verb import Documents, Rows, Verb

Owner = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")]


class TransferAssign(Command, frozen=True, tag="transfer_assign"):
    """Make `owner` the owner of a case; either of its two stores may."""

    discrepancy_id: UUID
    owner: Owner


def _rows(command: TransferAssign, documents: Documents, rows: Rows) -> None:
    pass  # no stock moves


def _decide(books: Books, command: TransferAssign, who: Who, now: datetime) -> Effect:
    case, body = find_case(books, command.store_id, command.discrepancy_id)
    in_status(case, CaseStatus.OPEN)
    given = given_to(case, body, command.owner, step_of(VERB.name, who, now, f"owner {command.owner}"))
    return Effect(Answer(command.id, at=now, documents=(given,)))


VERB = Verb(
    command=TransferAssign,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.discrepancy_id,),
    scope=Scope.TRANSFERS_WRITE,
)
