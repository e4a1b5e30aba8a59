"""Refuse an approval: the command that waited never takes effect."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec import structs

from backend.model.answers import Answer
from backend.model.approvals import REFUSED, Approval, requested
from backend.model.books import Books, Effect
from backend.model.commands import Command, Reason
from backend.model.documents import stepped
from backend.model.scopes import Scope
from backend.model.stock import Who

from .verb import Documents, Rows, Verb


class ApprovalRefuse(Command, frozen=True, tag="approval_refuse"):
    """Refuse a command that waits for approval, and say why."""

    approval_id: UUID
    reason: Reason


def _documents(command: ApprovalRefuse) -> Iterable[UUID]:
    return (command.approval_id,)


def _rows(_: ApprovalRefuse, documents: Documents, rows: Rows) -> None:
    """Adds nothing: no stock moves."""


def _decide(books: Books, command: ApprovalRefuse, who: Who, now: datetime) -> Effect:
    document = requested(books, command.store_id, command.approval_id)
    body = structs.replace(
        document.read(Approval),
        decided_by=who.actor,
        decided_at_terminal=who.terminal_id,
        decided_at=now,
        note=command.reason,
    )
    refused = stepped(document, now, status=REFUSED, body=body)
    return Effect(Answer(command.id, at=now, documents=(refused,)))


VERB = Verb(
    command=ApprovalRefuse,
    decide=_decide,
    rows=_rows,
    documents=_documents,
    scope=Scope.APPROVALS_WRITE,
)
