"""What clients send about pickups and count tasks, and how answers show them."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from backend.model.commands import Lines, ProductId, Quantity, Reason, StoreId, Text, Ttl
from backend.model.documents import Document
from backend.model.pickups import CountTaskBody, PickupBody, PickupLine
from backend.model.steps import DocumentStep

from .service import FoundPickup


class _Body(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: UUID | None = None


class HoldElsewhereBody(_Body, frozen=True, kw_only=True):
    """What another store is to hold: one product, or several in `lines`, all or nothing."""

    store_id: StoreId
    """The store where the units are."""
    for_store_id: StoreId | None = None
    """The store that asks; by default the one signed in at."""
    product_id: ProductId | None = None
    quantity: Quantity | None = None
    lines: Lines | None = None
    ttl_seconds: Ttl | None = None
    reason: Reason
    customer_id: Text = ""


class FoundBody(_Body, frozen=True, kw_only=True):
    """For how long to keep the units from now on, if not as long as was asked for."""

    ttl_seconds: Ttl | None = None


class MissingBody(_Body, frozen=True, kw_only=True):
    """Whether the hold goes on while somebody looks further."""

    keep: bool
    reason: Text = ""


class WithdrawBody(_Body, frozen=True, kw_only=True):
    """Why, if that matters."""

    reason: Text = ""


class CountTaskDoneBody(_Body, frozen=True, kw_only=True):
    """What was found."""

    reason: Reason


class PickupShape(Struct, frozen=True, kw_only=True):
    """Units that a store holds for another one: who asked for them, why, and until when they are held."""

    id: UUID
    """Also the id of the hold."""
    store_id: str
    """Where the units are."""
    for_store_id: str
    """The store that asked."""
    status: str
    """What the store has said that was asked: asked (nothing yet), found, missing, withdrawn."""
    hold: str
    """PENDING, CONFIRMED, CANCELLED or EXPIRED."""
    lines: tuple[PickupLine, ...]
    asked_by: str
    asked_at_terminal: str
    reason: str
    customer_id: str
    expires_at: datetime
    seconds_left: int
    """By the database's clock; 0 if the hold has ended."""
    count_tasks: tuple[UUID, ...]
    """Those that came of it; in the answer to a step the one that it opened, empty in lists."""
    steps: tuple[DocumentStep, ...]
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, found: FoundPickup) -> "PickupShape":
        """Returns a pickup as the wire shows it."""
        pickup, body = found.pickup, found.pickup.read(PickupBody)
        return cls(
            id=pickup.id,
            store_id=pickup.store_id,
            for_store_id=pickup.other_store_id,
            status=pickup.status,
            hold=found.hold.status,
            lines=body.lines,
            asked_by=pickup.actor,
            asked_at_terminal=pickup.terminal_id,
            reason=body.reason,
            customer_id=body.customer_id,
            expires_at=found.hold.expires_at,
            seconds_left=found.hold.seconds_left,
            count_tasks=found.count_tasks,
            steps=body.steps,
            created_at=pickup.created_at,
            updated_at=pickup.updated_at,
            version=pickup.version,
        )


class PickupsShape(Struct, frozen=True):
    """A page of a store's pickups, latest change first. `count` is those of this page."""

    store_id: str
    pickups: list[PickupShape]
    count: int


class CountTaskShape(Struct, frozen=True, kw_only=True):
    """A shelf on which something was not found, to be counted."""

    id: UUID
    store_id: str
    status: str
    product_ids: tuple[str, ...]
    reason: str
    pickup_id: UUID | None
    steps: tuple[DocumentStep, ...]
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, task: Document) -> "CountTaskShape":
        """Returns a count task as the wire shows it."""
        body = task.read(CountTaskBody)
        return cls(
            id=task.id,
            store_id=task.store_id,
            status=task.status,
            product_ids=body.product_ids,
            reason=body.reason,
            pickup_id=body.pickup_id,
            steps=body.steps,
            created_at=task.created_at,
            updated_at=task.updated_at,
            version=task.version,
        )


class CountTasksShape(Struct, frozen=True):
    """A page of a store's count tasks, latest change first. `count` is those of this page."""

    store_id: str
    count_tasks: list[CountTaskShape]
    count: int
