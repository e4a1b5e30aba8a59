"""Asking for approval, deciding, and setting the limits: the use cases of HTTP and of the tools."""

from uuid import UUID

from msgspec import UNSET, structs, to_builtins
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.tokens import Claims
from backend.database.audit_trail import Origin, record
from backend.database.engine import Database
from backend.database.reads import reading
from backend.database.writes import writing
from backend.documents.queries import document_by_id
from backend.http.problems import Refused
from backend.ids import grant_command_id
from backend.ledger.lanes import Ledger
from backend.model.answers import Answer, Code, Refusal
from backend.model.approvals import KIND, Approval, unit_prices
from backend.model.books import Books, Request
from backend.model.commands import Command, Reason
from backend.model.documents import Document
from backend.model.errors import MostradorError
from backend.model.limits import Limits
from backend.model.stock import Who
from backend.model.verbs import VERBS
from backend.model.verbs.approval_grant import ApprovalGrant
from backend.model.verbs.approval_request import ApprovalRequest
from backend.model.verbs.approving import approvable
from backend.people.approving import SpotApproval
from backend.people.door import Door
from backend.stores.queries import require_store

from .limiting import prices_of
from .queries import limits_of, set_limits


class UnknownApproval(MostradorError):
    """No approval has this id, or it is another store's and none of the caller's business."""

    code = "unknown_document"

    def __init__(self, approval_id: UUID | str) -> None:
        message = f"There is no approval {approval_id}; it may belong to another store."
        super().__init__(message, field="approval_id")


async def approval_of(db: Database, claims: Claims, approval_id: UUID) -> Document:
    """Returns an approval of one of the caller's stores. Raises UnknownApproval."""
    async with reading(db) as connection:
        document = await document_by_id(connection, KIND, approval_id)
    if document is None or not claims.allows_store(document.store_id):
        raise UnknownApproval(approval_id)
    return document


async def asking_for(db: Database, command: Command, reason: Reason) -> ApprovalRequest:
    """Returns the request for approval of `command`, valued at the prices of its store.

    A request that was sent before keeps the prices that it had, so that it is the same one.
    """
    measure = VERBS[type(command)].measure
    assert measure is not None
    async with reading(db) as connection:
        before = await document_by_id(connection, KIND, command.id)
        if before:
            asked = before.read(Approval)
            prices = unit_prices(asked.prices, asked.prices_per)
        else:
            keys = {(command.store_id, product_id) for product_id in measure(command, Books({}, set(), {}))}
            prices = (await prices_of(connection, keys)).get(command.store_id, {})
    per = {product_id: price.per for product_id, price in prices.items() if price.per > 1}
    return ApprovalRequest(
        id=command.id,
        store_id=command.store_id,
        command=to_builtins(command),
        reason=reason,
        price_cents={product_id: price.cents for product_id, price in prices.items()},
        prices_per=per or UNSET,
    )


async def approved_on_the_spot(
    door: Door, ledger: Ledger, asking: ApprovalRequest, who: Who, origin: Origin, approval: SpotApproval
) -> Answer:
    """Ask, and grant in the name of who stands beside; return the answer of the grant.

    Raises what `Door.approve` and the ledger raise, and Refused for a refusal of either.
    """
    if approval.user == who.actor:
        message = "You asked for this yourself; another person has to approve it."
        raise Refused(Refusal(Code.OWN_APPROVAL, message, field="approval"))
    right = approvable(asking.command)[1].approver
    await door.approve(structs.replace(origin, actor=approval.user), approval.pin, asking.store_id, right)
    grant = ApprovalGrant(id=grant_command_id(asking.id), store_id=asking.store_id, approval_id=asking.id)
    answers = await ledger.submit_many([Request(asking, who), Request(grant, Who(approval.user, who.terminal_id))])
    for answer in answers:
        if answer.refusal is not None:
            raise Refused(answer.refusal)
    return answers[-1]


async def limits_in(db: Database, store_id: str) -> Limits:
    """Returns the limits of a store. Raises UnknownStore."""
    async with reading(db) as connection:
        return await _limits(connection, store_id)


async def change_limits(db: Database, origin: Origin, store_id: str, limits: Limits) -> None:
    """Set the limits of a store, whole. Raises UnknownStore."""
    async with writing(db) as connection:
        before = await _limits(connection, store_id, lock=True)
        if before == limits:
            return
        await set_limits(connection, store_id, limits)
        subject = f"store:{store_id}"
        await record(connection, origin, "store.limits", subject, store_id=store_id, before=before, after=limits)


async def _limits(connection: AsyncConnection, store_id: str, *, lock: bool = False) -> Limits:
    await require_store(connection, store_id, lock=lock)
    return (await limits_of(connection, [store_id])).get(store_id, Limits())
