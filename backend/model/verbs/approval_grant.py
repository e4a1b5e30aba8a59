"""Grant an approval: the command that waited takes effect, in the name of who asked for it."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from msgspec import structs

from backend.model.answers import Code, Refusal
from backend.model.approvals import GRANTED, KIND, Approval, requested
from backend.model.books import Books, Effect
from backend.model.commands import Command
from backend.model.documents import stepped
from backend.model.refusals import Refused
from backend.model.scopes import Scope
from backend.model.stock import Movement, Who

from .approving import granted_as
from .verb import Documents, Rows, Verb


class ApprovalGrant(Command, frozen=True, tag="approval_grant"):
    """Let a command that waits for approval take effect. Who asked for it cannot grant it."""

    approval_id: UUID


def _documents(command: ApprovalGrant) -> Iterable[UUID]:
    return (command.approval_id,)


def _more_documents(command: ApprovalGrant, documents: Documents) -> Iterable[UUID]:
    document = documents.get(command.approval_id)
    if document is not None and document.kind == KIND:
        with suppress(Refused):  # which `decide` says
            inner, verb = granted_as(document, command.id)
            return verb.documents(inner)
    return ()


def _rows(command: ApprovalGrant, documents: Documents, rows: Rows) -> None:
    document = documents.get(command.approval_id)
    if document is not None and document.kind == KIND:
        with suppress(Refused):
            inner, verb = granted_as(document, command.id)
            verb.rows(inner, documents, rows)


def _decide(books: Books, command: ApprovalGrant, who: Who, now: datetime) -> Effect:
    """Returns what the command does now. While that is refused, the approval goes on waiting."""
    document = requested(books, command.store_id, command.approval_id)
    if who.actor == document.actor:
        message = "You asked for this yourself; another person has to approve it."
        raise Refused(Refusal(Code.OWN_APPROVAL, message, field="approval_id"))
    inner, verb = granted_as(document, command.id, who.actor)
    body = document.read(Approval)
    assert verb.measure is not None
    if (units := sum(map(abs, verb.measure(inner, books).values()))) > body.units:
        message = (
            f"It is about {units} units by now, not {body.units} as when it was asked for; refuse it and ask again."
        )
        raise Refused(Refusal(Code.APPROVAL_NEEDED, message, field="approval_id"))
    effect = verb.decide(books, inner, Who(document.actor, document.terminal_id), now)
    body = structs.replace(
        body, decided_by=who.actor, decided_at_terminal=who.terminal_id, decided_at=now, effect_id=command.id
    )
    granted = stepped(document, now, status=GRANTED, body=body)
    answer = structs.replace(effect.answer, at=now, documents=(*effect.documents, granted))
    movements = [_told(movement, granted.id, who.actor) for movement in effect.movements]
    return structs.replace(effect, answer=answer, movements=movements)


def _told(movement: Movement, approval_id: UUID, approver: str) -> Movement:
    """Returns the movement with the approval as its document, unless it has one, and the approver in its reason."""
    approved = f" (approved by {approver})"
    reason = movement.reason[: 200 - len(approved)] + approved
    return structs.replace(movement, document_id=movement.document_id or str(approval_id), reason=reason.lstrip())


VERB = Verb(
    command=ApprovalGrant,
    decide=_decide,
    rows=_rows,
    documents=_documents,
    more_documents=_more_documents,
    scope=Scope.APPROVALS_WRITE,
)
