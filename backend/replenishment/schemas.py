"""What clients send and see of replenishment."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from backend.model.commands import MAX_LINES, Line, Text
from backend.model.documents import Document
from backend.model.proposals import ProposalBody
from backend.model.purchases import Supplier
from backend.model.replenishment import Suggestion
from backend.model.steps import DocumentStep
from backend.model.verbs.proposal_close import ProposalOutcome

from .service import Chosen


class SuggestionsShape(Struct, frozen=True):
    """What a store should order, a page by product id; the suggestions of a product are on one page."""

    store_id: str
    suggestions: list[Suggestion]
    count: int


class AcceptBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Suggestions that somebody accepts, of one store or of several."""

    id: UUID | None = None
    suggestions: Annotated[tuple[Chosen, ...], Meta(min_length=1, max_length=MAX_LINES)]
    note: Text = ""


class OpenedShape(Struct, frozen=True):
    """A document that came of what was accepted."""

    id: UUID
    kind: str
    """`transfer`, `proposal` or `purchase`."""
    store_id: str
    """The store that gets the goods."""
    from_store_id: str
    """The store that gives; empty for a proposal to purchase."""
    status: str


class AcceptedShape(Struct, frozen=True):
    """All documents that came of one act."""

    documents: list[OpenedShape]
    count: int


class CloseProposalBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What became of a proposal."""

    id: UUID | None = None
    outcome: ProposalOutcome
    reason: Text = ""
    order_id: UUID | None = None


class OrderProposalBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From whom it is bought, and the number of the order."""

    id: UUID | None = None
    supplier: Supplier
    reference: Text = ""


class ProposalShape(Struct, frozen=True, kw_only=True):
    """A proposal to purchase."""

    id: UUID
    store_id: str
    status: str
    reference: str
    note: str
    lines: tuple[Line, ...]
    order_id: UUID | None
    steps: tuple[DocumentStep, ...]
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, proposal: Document) -> "ProposalShape":
        """Returns a proposal as the wire shows it."""
        body = proposal.read(ProposalBody)
        return cls(
            id=proposal.id,
            store_id=proposal.store_id,
            status=proposal.status,
            reference=proposal.reference,
            note=body.note,
            lines=body.lines,
            order_id=body.order_id,
            steps=body.steps,
            created_at=proposal.created_at,
            updated_at=proposal.updated_at,
            version=proposal.version,
        )


class ProposalsShape(Struct, frozen=True):
    """A page of a store's proposals, latest change first. `count` is those of this page."""

    store_id: str
    proposals: list[ProposalShape]
    count: int


def opened_shape(document: Document) -> OpenedShape:
    """Returns a transfer or a proposal as one of the documents of an act."""
    if document.other_store_id:
        return OpenedShape(document.id, document.kind, document.other_store_id, document.store_id, document.status)
    return OpenedShape(document.id, document.kind, document.store_id, "", document.status)
