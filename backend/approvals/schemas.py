"""How answers show approvals and limits."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from backend.model.approvals import Approval
from backend.model.documents import Document
from backend.model.limits import Limits


class ApprovalShape(Struct, frozen=True):
    """A correction that waits for approval, or was decided; `command` is what was asked for, as it was sent."""

    id: UUID
    store_id: str
    status: str
    verb: str
    reason: str
    units: int
    value_cents: int
    requested_by: str
    terminal_id: str
    requested_at: datetime
    decided_by: str
    decided_at: datetime | None
    note: str
    """Why it was refused."""
    effect_id: UUID | None
    """The id under which it took effect, once it is granted: of the sale, say, or the goods return."""
    command: dict[str, Any]
    version: int

    @classmethod
    def of(cls, document: Document) -> "ApprovalShape":
        """Returns `document` as the wire shows it."""
        body = document.read(Approval)
        return cls(
            id=document.id,
            store_id=document.store_id,
            status=document.status,
            verb=document.reference,
            reason=body.reason,
            units=body.units,
            value_cents=body.value_cents,
            requested_by=document.actor,
            terminal_id=document.terminal_id,
            requested_at=document.created_at,
            decided_by=body.decided_by,
            decided_at=body.decided_at,
            note=body.note,
            effect_id=body.effect_id,
            command=body.command,
            version=document.version,
        )


class ApprovalsShape(Struct, frozen=True):
    """A page of a store's approvals, latest change first."""

    store_id: str
    approvals: list[ApprovalShape]


Limit = Annotated[int, Meta(ge=0, le=2**53)]


class LimitsBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of a store; null, or left out, is none."""

    units: Limit | None = None
    value_cents: Limit | None = None


class LimitsShape(Struct, frozen=True):
    """The limits of a store above which a correction of stock waits for approval; null is none."""

    store_id: str
    units: int | None
    value_cents: int | None

    @classmethod
    def of(cls, store_id: str, limits: Limits) -> "LimitsShape":
        """Returns `limits` as the wire shows them."""
        return cls(store_id, limits.units, limits.value_cents)
