"""Refused sales: made at a terminal without a server, and refused by the ledger for another reason than stock.

The goods have left and no sale tells of it. The document, whose id is the sale's, keeps what the terminal said until
somebody has settled it.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct, structs

from .answers import Refusal
from .books import Books
from .commands import SaleLine
from .documents import Document, DocumentKind, opened, stepped
from .posting import Cause
from .refusals import Refused, in_status, unknown_document
from .shortfalls import Offline
from .steps import DocumentStep, step_of


class RefusedStatus(StrEnum):
    """Whether somebody still has to say what was done about it."""

    OPEN = "open"
    SETTLED = "settled"


class RefusedBody(Struct, frozen=True):
    """The body of a refused sale's document, whose reference is the number of the receipt."""

    lines: tuple[SaleLine, ...]
    offline: Offline
    left_at: datetime
    code: str
    """Of the refusal, as `message` is its sentence."""
    message: str
    steps: tuple[DocumentStep, ...]


REFUSED_SALE = DocumentKind("refused_sale", RefusedBody)


def refused_sale(
    cause: Cause, store_id: str, lines: Sequence[SaleLine], offline: Offline, left_at: datetime, refusal: Refusal
) -> Document:
    """Returns a new document about the sale behind `cause`, which was refused."""
    steps = (step_of(cause.kind, cause.who, cause.at, refusal.code),)
    body = RefusedBody(tuple(lines), offline, left_at, refusal.code, refusal.message, steps)
    return opened(
        cause.command_id,
        store_id,
        REFUSED_SALE.name,
        RefusedStatus.OPEN,
        body,
        cause.who,
        cause.at,
        reference=cause.document_id,
    )


def settled(books: Books, store_id: str, sale_id: UUID, step: DocumentStep) -> Document:
    """Returns the document after somebody settled it. Raises Refused for one that is not open, or another store's."""
    document = books.documents.get(sale_id)
    if document is None or document.kind != REFUSED_SALE.name or document.store_id != store_id:
        raise Refused(unknown_document(REFUSED_SALE.name, sale_id))
    in_status(document, RefusedStatus.OPEN)
    body = document.read(RefusedBody)
    body = structs.replace(body, steps=(*body.steps, step))
    return stepped(document, step.at, status=RefusedStatus.SETTLED, body=body)
