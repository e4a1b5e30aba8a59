"""Shifts: who was at a terminal's drawer, what was put into it and taken out by hand, and what was counted at the end.

What should be in the drawer is worked out from the tenders of the terminal's sales and refunds (`backend.shifts`); a
shift closes whatever that is, and looks at no stock. The drawer's own document keeps a terminal to one open shift.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from backend.ids import drawer_id

from .books import Books
from .documents import Document, DocumentKind
from .refusals import Refused, unknown_document, wrong_status


class ShiftStatus(StrEnum):
    """Whether the drawer is in use."""

    OPEN = "open"
    CLOSED = "closed"


class CashMove(Struct, frozen=True):
    """Cash that somebody put into the drawer, or, below zero, took out of it, without a sale."""

    id: UUID
    amount_cents: int
    reason: str
    actor: str
    at: datetime


class ShiftBody(Struct, frozen=True):
    """What is known of a shift but for its sales."""

    float_cents: int
    """Cash in the drawer at the beginning, to give change with."""
    moves: tuple[CashMove, ...] = ()
    counted_cents: int | None = None
    """What was in the drawer at the end, counted by somebody who was not told what should be."""
    closed_by: str = ""
    closed_at: datetime | None = None
    note: str = ""


class DrawerBody(Struct, frozen=True):
    """The shift of a terminal that is open, or was the last."""

    shift_id: UUID


SHIFT = DocumentKind("shift", ShiftBody)
DRAWER = DocumentKind("drawer", DrawerBody)


def find_shift(books: Books, store_id: str, shift_id: UUID) -> tuple[Document, ShiftBody]:
    """Returns a shift that is open. Raises Refused for one that is not, or is not the store's."""
    shift = books.documents.get(shift_id)
    if shift is None or shift.kind != SHIFT.name or shift.store_id != store_id:
        raise Refused(unknown_document(SHIFT.name, shift_id))
    if shift.status != ShiftStatus.OPEN:
        raise Refused(wrong_status(shift, ShiftStatus.OPEN))
    return shift, shift.read(ShiftBody)


def drawer_of(books: Books, store_id: str, terminal_id: str) -> Document | None:
    """Returns the document of a terminal's drawer, None before its first shift."""
    return books.documents.get(drawer_id(store_id, terminal_id))
