"""Pickups: units that one store holds because another one asked, for somebody who will come for them.

A pickup is opened together with its hold and has the same id. Its document belongs to the store where the units are;
the other store is the one that asked. The hold says until when and how it ended, the document who asked, why, and
whether the units were found on the shelf.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct, structs

from .books import Books
from .documents import Document, DocumentKind, stepped
from .refusals import Refused, unknown_document
from .reservations import Reservation
from .steps import DocumentStep


class PickupStatus(StrEnum):
    """What the store has said that was asked, and how it ended."""

    ASKED = "asked"
    FOUND = "found"
    MISSING = "missing"
    """They are not on the shelf."""
    WITHDRAWN = "withdrawn"
    """The store that asked wants them no more."""
    COLLECTED = "collected"
    """They were sold or handed over."""
    CANCELLED = "cancelled"
    """The store that was asked ended the hold."""
    EXPIRED = "expired"
    """Nobody came in time."""


AT_WORK = (PickupStatus.ASKED, PickupStatus.FOUND, PickupStatus.MISSING)
"""Whose hold may still end."""


class PickupLine(Struct, frozen=True):
    """Units of one product that are held."""

    product_id: str
    quantity: int


class PickupBody(Struct, frozen=True):
    """The body of a pickup's document."""

    lines: tuple[PickupLine, ...]
    reason: str
    """Why it was asked for."""
    customer_id: str
    expires_at: datetime
    """Until when the units were held after the last step; `extend` of the hold may have moved it since."""
    steps: tuple[DocumentStep, ...]


PICKUP = DocumentKind("pickup", PickupBody)


class CountTaskStatus(StrEnum):
    """Whether somebody has counted."""

    OPEN = "open"
    DONE = "done"


class CountTaskBody(Struct, frozen=True):
    """The body of a count task: a shelf on which something was not found, to be counted."""

    product_ids: tuple[str, ...]
    reason: str
    steps: tuple[DocumentStep, ...]
    pickup_id: UUID | None = None
    """The pickup whose units were missing."""


COUNT_TASK = DocumentKind("count_task", CountTaskBody)


def find_pickup(books: Books, store_id: str, pickup_id: UUID) -> tuple[Document, PickupBody]:
    """Returns the pickup in `store_id` and its body. Raises Refused if that store has none with this id."""
    document = books.documents.get(pickup_id)
    if document is None or document.kind != PICKUP.name or document.store_id != store_id:
        raise Refused(unknown_document(PICKUP.name, pickup_id))
    return document, document.read(PickupBody)


def went_on(
    document: Document, body: PickupBody, status: PickupStatus, step: DocumentStep, hold: Reservation | None = None
) -> Document:
    """Returns the pickup after a step; `hold` is its hold if that has moved."""
    expires_at = body.expires_at if hold is None else hold.expires_at
    body = structs.replace(body, steps=(*body.steps, step), expires_at=expires_at)
    return stepped(document, step.at, status=status, body=body)
