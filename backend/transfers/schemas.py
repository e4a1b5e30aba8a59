"""How answers show transfers and discrepancy cases."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from backend.model.discrepancies import CaseBody, age_of
from backend.model.documents import Document
from backend.model.steps import DocumentStep
from backend.model.transfers import TransferBody

from .service import FoundTransfer


class TransferLineShape(Struct, frozen=True):
    """One product of a transfer: `sent = received + damaged + returned + lost + in_transit`, in units."""

    product_id: str
    quantity: int
    """As many as were asked for."""
    packed: int
    sent: int
    received: int
    damaged: int
    missing: int
    """Of those in transit: in a discrepancy case that is open."""
    returned: int
    lost: int
    in_transit: int


class ListedTransferShape(Struct, frozen=True, kw_only=True):
    """A transfer, and who did what to it when."""

    id: UUID
    from_store_id: str
    to_store_id: str
    status: str
    reference: str
    note: str
    lines: tuple[TransferLineShape, ...]
    steps: tuple[DocumentStep, ...]
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, transfer: Document) -> "ListedTransferShape":
        """Returns `transfer` as the wire shows it."""
        return cls(**_fields(transfer))


class DiscrepancyLineShape(Struct, frozen=True):
    """One product of a case: `missing = found + lost + returned + open`, in units."""

    product_id: str
    missing: int
    found: int
    lost: int
    returned: int
    open: int


class DiscrepancyShape(Struct, frozen=True, kw_only=True):
    """A discrepancy case of two stores: whose it is, how old it is, and what is still to find out."""

    id: UUID
    transfer_id: UUID
    from_store_id: str
    to_store_id: str
    status: str
    owner: str
    age_seconds: int
    """Since it was opened, until it was settled."""
    lines: tuple[DiscrepancyLineShape, ...]
    steps: tuple[DocumentStep, ...]
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, case: Document, now: datetime) -> "DiscrepancyShape":
        """Returns `case` as the wire shows it at `now`."""
        body = case.read(CaseBody)
        return cls(
            id=case.id,
            transfer_id=body.transfer_id,
            from_store_id=case.store_id,
            to_store_id=case.other_store_id,
            status=case.status,
            owner=body.owner,
            age_seconds=int(age_of(case, now)),
            lines=tuple(
                [DiscrepancyLineShape(x.product_id, x.missing, x.found, x.lost, x.returned, x.open) for x in body.lines]
            ),
            steps=body.steps,
            created_at=case.created_at,
            updated_at=case.updated_at,
            version=case.version,
        )


class WholeTransferShape(ListedTransferShape, frozen=True, kw_only=True):
    """A transfer with its discrepancy cases, oldest first; in the answer to a step, those that the step opened."""

    discrepancies: tuple[DiscrepancyShape, ...]

    @classmethod
    def whole(cls, found: FoundTransfer) -> "WholeTransferShape":
        """Returns a transfer with its cases as the wire shows them."""
        cases = tuple([DiscrepancyShape.of(case, found.now) for case in found.cases])
        return cls(**_fields(found.transfer), discrepancies=cases)


class TransfersShape(Struct, frozen=True):
    """A page of a store's transfers, latest change first. `count` is those of this page."""

    store_id: str
    transfers: list[ListedTransferShape]
    count: int


class DiscrepanciesShape(Struct, frozen=True):
    """A page of a store's discrepancy cases, latest change first. `count` is those of this page."""

    store_id: str
    discrepancies: list[DiscrepancyShape]
    count: int


def _fields(transfer: Document) -> dict[str, Any]:
    body = transfer.read(TransferBody)
    return {
        "id": transfer.id,
        "from_store_id": transfer.store_id,
        "to_store_id": transfer.other_store_id,
        "status": transfer.status,
        "reference": transfer.reference,
        "note": body.note,
        "lines": tuple(
            [
                TransferLineShape(
                    x.product_id,
                    x.quantity,
                    x.packed,
                    x.sent,
                    x.received,
                    x.damaged,
                    x.missing,
                    x.returned,
                    x.lost,
                    x.in_transit,
                )
                for x in body.lines
            ]
        ),
        "steps": body.steps,
        "created_at": transfer.created_at,
        "updated_at": transfer.updated_at,
        "version": transfer.version,
    }
