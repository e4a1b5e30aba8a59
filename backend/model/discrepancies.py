"""Discrepancy cases: units that were sent and did not arrive, until somebody finds out what became of them.

A case belongs to both stores of its transfer and has an owner, who is to find out. Its units are in transit still:
incoming at the destination, accounted for by the case instead of by the transfer.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct, structs

from .books import Books
from .documents import Document, DocumentKind, Promise, opened, stepped
from .refusals import Refused, unknown_document
from .steps import DocumentStep
from .stock import Who


class CaseStatus(StrEnum):
    """Whether something is left to find out."""

    OPEN = "open"
    SETTLED = "settled"


class CaseOutcome(StrEnum):
    """What became of units that did not arrive."""

    FOUND = "found"
    """They are in the store that receives, after all."""
    LOST = "lost"
    """They are nowhere, and are written off."""
    RETURNED = "returned"
    """They are in the store that sent them."""


class CaseLine(Struct, frozen=True):
    """One product of a case, in units."""

    product_id: str
    missing: int
    """As many as did not arrive."""
    found: int = 0
    lost: int = 0
    returned: int = 0

    @property
    def open(self) -> int:
        """Units of which nobody knows yet."""
        return self.missing - self.found - self.lost - self.returned


class CaseBody(Struct, frozen=True):
    """The body of a case's document; its stores are those of the transfer, its reference is the transfer's id."""

    transfer_id: UUID
    owner: str
    """The user who is to find out."""
    lines: tuple[CaseLine, ...]
    steps: tuple[DocumentStep, ...]


def _promises(document: Document) -> Iterable[Promise]:
    for line in document.read(CaseBody).lines:
        yield Promise(document.other_store_id, line.product_id, incoming=line.open)


DISCREPANCY = DocumentKind("discrepancy", CaseBody, promises=_promises)


def open_case(case_id: UUID, transfer: Document, missing: Mapping[str, int], step: DocumentStep) -> Document:
    """Returns a new case about units of `transfer`; whoever says that they are missing owns it."""
    lines = tuple([CaseLine(product_id, n) for product_id, n in missing.items() if n])
    body = CaseBody(transfer.id, step.actor, lines, (step,))
    return opened(
        case_id,
        transfer.store_id,
        DISCREPANCY.name,
        CaseStatus.OPEN,
        body,
        Who(step.actor, step.terminal_id),
        step.at,
        other_store_id=transfer.other_store_id,
        reference=str(transfer.id),
    )


def find_case(books: Books, store_id: str, case_id: UUID) -> tuple[Document, CaseBody]:
    """Returns the case and its body. Raises Refused if there is none that `store_id` has to do with."""
    document = books.documents.get(case_id)
    if document is None or document.kind != DISCREPANCY.name or not document.concerns(store_id):
        raise Refused(unknown_document(DISCREPANCY.name, case_id))
    return document, document.read(CaseBody)


def settled(
    document: Document, body: CaseBody, outcome: CaseOutcome, units: Mapping[str, int], step: DocumentStep
) -> Document:
    """Returns the case after it was found out what became of some of its units."""
    lines = tuple(
        [
            structs.replace(line, **{outcome: getattr(line, outcome) + units.get(line.product_id, 0)})
            for line in body.lines
        ]
    )
    over = all(line.open == 0 for line in lines)
    body = structs.replace(body, lines=lines, steps=(*body.steps, step))
    return stepped(document, step.at, status=CaseStatus.SETTLED if over else CaseStatus.OPEN, body=body)


def given_to(document: Document, body: CaseBody, owner: str, step: DocumentStep) -> Document:
    """Returns the case after it was given to another owner."""
    return stepped(document, step.at, body=structs.replace(body, owner=owner, steps=(*body.steps, step)))


def age_of(document: Document, now: datetime) -> float:
    """Returns for how many seconds the case has been open, or was until it was settled."""
    end = now if document.status == CaseStatus.OPEN else document.updated_at
    return (end - document.created_at).total_seconds()
