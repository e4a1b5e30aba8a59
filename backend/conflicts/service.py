"""Records how a refused sale was settled, once, in the audit trail of its store."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct, json, to_builtins
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.tokens import Claims
from backend.database.audit_trail import Origin, record
from backend.database.engine import Database
from backend.database.once import Attempt, run_once
from backend.database.reads import moment, reading
from backend.documents.queries import document_by_id
from backend.ids import derived_id
from backend.ledger.lanes import Ledger
from backend.model.books import Request
from backend.model.conflicts import CLERK_LIMIT_CENTS, Settlement, SettlingReason, needs_supervisor, total_of
from backend.model.documents import Document
from backend.model.errors import InvalidInput, MostradorError
from backend.model.refused_sales import REFUSED_SALE, RefusedBody, RefusedStatus
from backend.model.scopes import Scope
from backend.model.stock import Who
from backend.model.verbs.refusal_settle import RefusalSettle
from backend.stores.queries import require_store


class ApprovalNeeded(MostradorError):
    """The sale is above what a clerk may settle alone."""

    code = "approval_needed"

    def __init__(self) -> None:
        limit = f"{CLERK_LIMIT_CENTS / 100:.2f}"
        message = f"A refused sale above {limit} is settled with a supervisor; send their name and PIN as approval."
        super().__init__(message, field="approval", limit_cents=CLERK_LIMIT_CENTS, scope=Scope.SALES_SETTLE.value)


class Settled(Struct, frozen=True):
    """What was recorded. `approved_by` is empty when nobody had to approve."""

    id: UUID
    store_id: str
    receipt_number: str
    reason: SettlingReason
    settled_by: str
    approved_by: str
    settled_at: datetime


async def settle_conflict(
    db: Database, claims: Claims, origin: Origin, settlement: Settlement, approved_by: str = ""
) -> Settled:
    """Record a settlement and return it; sent again under its id, return what was recorded first.

    `approved_by` is a supervisor whose PIN was right. A caller who may settle everything needs none.
    Raises StoreNotAllowed, UnknownStore, InvalidInput, ApprovalNeeded, and what `run_once` raises.
    """
    claims.require_store(settlement.store_id)
    if settlement.reason is SettlingReason.OTHER and not settlement.note.strip():
        raise InvalidInput("note", "note is missing; say in it what was done.")
    approver = claims.actor if Scope.SALES_SETTLE in claims.scopes else approved_by

    async def effect(connection: AsyncConnection) -> Settled:
        await require_store(connection, settlement.store_id)
        refused = await _refused(connection, settlement)
        # What the terminal sold is known here, whatever lines the settlement names.
        total = total_of(refused.read(RefusedBody).lines) if refused else 0
        if needs_supervisor(max(total, settlement.total_cents)) and not approver:
            raise ApprovalNeeded
        settled = Settled(
            settlement.id,
            settlement.store_id,
            settlement.receipt_number,
            settlement.reason,
            settlement.settled_by or claims.actor,
            approver,
            await moment(connection),
        )
        told = to_builtins(settlement) | {"total_cents": settlement.total_cents} | to_builtins(settled)
        subject = f"receipt:{settlement.receipt_number}"
        await record(connection, origin, "conflict.settle", subject, store_id=settlement.store_id, after=told)
        return settled

    # Whoever sends it: another clerk may have signed in since, and the settlement is still the same.
    attempt = Attempt.of(settlement.id, f"conflict:{settlement.store_id}", json.encode(settlement).decode())
    return await run_once(db, attempt, effect, Settled)


async def _refused(connection: AsyncConnection, settlement: Settlement) -> Document | None:
    """Returns what the ledger has kept of the refused sale; nothing of one that was not made without a server."""
    document = await document_by_id(connection, REFUSED_SALE.name, settlement.sale_id)
    return document if document is not None and document.store_id == settlement.store_id else None


async def end_refused_sale(db: Database, ledger: Ledger, settlement: Settlement, who: Who) -> None:
    """Takes the refused sale out of the store's inbox, if it is there; again it does nothing.

    Whoever settles is told of the settlement only after this, and sends it again until then.
    """
    async with reading(db) as connection:
        refused = await _refused(connection, settlement)
    if refused is None or refused.status != RefusedStatus.OPEN:
        return
    command = RefusalSettle(
        id=derived_id(settlement.id, "refused_sale"),
        store_id=settlement.store_id,
        sale_id=settlement.sale_id,
        reason=settlement.reason.value,
    )
    await ledger.submit(Request(command, who))
