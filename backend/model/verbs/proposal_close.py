"""Proposal close: what was proposed has been ordered, or will not be."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import structs

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Text
from backend.model.documents import stepped
from backend.model.proposals import PROPOSAL, ProposalBody, ProposalStatus
from backend.model.refusals import Refused, in_status, unknown_document
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Who

from .verb import Documents, Rows, Verb


class ProposalOutcome(StrEnum):
    """What became of a proposal."""

    ORDERED = "ordered"
    DROPPED = "dropped"


class ProposalClose(Command, frozen=True, tag="proposal_close"):
    """End a proposal: its units are expected no longer. `order_id` names the document of the order, if there is one."""

    proposal_id: UUID
    outcome: ProposalOutcome
    reason: Text = ""
    order_id: UUID | None = None


def _rows(command: ProposalClose, documents: Documents, rows: Rows) -> None:
    pass  # no stock moves


def _decide(books: Books, command: ProposalClose, who: Who, now: datetime) -> Effect:
    proposal = books.documents.get(command.proposal_id)
    if proposal is None or proposal.kind != PROPOSAL.name or proposal.store_id != command.store_id:
        raise Refused(unknown_document(PROPOSAL.name, command.proposal_id))
    in_status(proposal, ProposalStatus.OPEN)
    body = proposal.read(ProposalBody)
    step = step_of(VERB.name, who, now, command.reason)
    body = structs.replace(body, steps=(*body.steps, step), order_id=command.order_id)
    closed = stepped(proposal, now, status=ProposalStatus(command.outcome.value), body=body)
    return Effect(Answer(command.id, at=now, documents=(closed,)))


VERB = Verb(
    command=ProposalClose,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.proposal_id,),
    scope=Scope.TRANSFERS_WRITE,
)
