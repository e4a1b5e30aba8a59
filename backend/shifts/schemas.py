"""How answers show shifts. What should be in the drawer is shown once it was counted, not before."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from backend.model.documents import Document
from backend.model.shifts import CashMove, ShiftBody, ShiftStatus
from backend.model.tenders import TenderKind

from .queries import Report


class CashMoveShape(Struct, frozen=True):
    """Cash that was put into the drawer, or, below zero, taken out of it."""

    id: UUID
    amount: float
    reason: str
    actor: str
    at: datetime

    @classmethod
    def of(cls, move: CashMove) -> "CashMoveShape":
        """Returns `move` as the wire shows it."""
        return cls(move.id, move.amount_cents / 100, move.reason, move.actor, move.at)


class ShiftShape(Struct, frozen=True, kw_only=True):
    """A shift of a terminal. `counted` is null until it is closed."""

    id: UUID
    store_id: str
    terminal_id: str
    status: ShiftStatus
    opening_float: float
    moves: tuple[CashMoveShape, ...]
    counted: float | None
    note: str
    opened_by: str
    opened_at: datetime
    closed_by: str
    closed_at: datetime | None
    version: int

    @classmethod
    def of(cls, shift: Document) -> "ShiftShape":
        """Returns a document of kind `shift` as the wire shows it."""
        body = shift.read(ShiftBody)
        return cls(
            id=shift.id,
            store_id=shift.store_id,
            terminal_id=shift.terminal_id,
            status=ShiftStatus(shift.status),
            opening_float=body.float_cents / 100,
            moves=tuple(map(CashMoveShape.of, body.moves)),
            counted=None if body.counted_cents is None else body.counted_cents / 100,
            note=body.note,
            opened_by=shift.actor,
            opened_at=shift.created_at,
            closed_by=body.closed_by,
            closed_at=body.closed_at,
            version=shift.version,
        )


class TakingsShape(Struct, frozen=True):
    """What one kind of tender brought in and was given back during the shift."""

    kind: TenderKind
    taken: float
    refunded: float


class ReportShape(Struct, frozen=True):
    """A closed shift: what should have been in the drawer, and by how much what was counted differs.

    `unsaid_sales` have no tenders; they are in no sum.
    """

    shift: ShiftShape
    takings: tuple[TakingsShape, ...]
    expected: float
    difference: float
    unsaid_sales: int
    unsaid_total: float

    @classmethod
    def of(cls, report: Report) -> "ReportShape":
        """Returns the report of a closed shift as the wire shows it."""
        assert report.difference_cents is not None
        takings = [
            TakingsShape(kind, x.taken_cents / 100, x.refunded_cents / 100)
            for kind, x in sorted(report.takings.items())
        ]
        return cls(
            ShiftShape.of(report.shift),
            tuple(takings),
            report.expected_cents / 100,
            report.difference_cents / 100,
            report.unsaid_sales,
            report.unsaid_cents / 100,
        )


class ShiftsShape(Struct, frozen=True):
    """A page of the shifts of a store, latest change first."""

    store_id: str
    shifts: list[ShiftShape]
