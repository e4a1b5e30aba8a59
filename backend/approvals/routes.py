"""Approvals over HTTP: asked for, listed, granted and refused; and the limits above which they are needed."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Struct

from backend.database.engine import Database
from backend.database.reads import reading
from backend.documents.queries import LATEST, Place, documents_of
from backend.http.commanding import command_id, settle
from backend.http.declaring import COMMAND, WRITE
from backend.http.ids import id_or
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.ledger.lanes import Ledger
from backend.model.answers import Answer
from backend.model.approvals import KIND, REQUESTED, STATUSES
from backend.model.commands import Reason
from backend.model.documents import Document
from backend.model.errors import InvalidInput
from backend.model.limits import Limits
from backend.model.scopes import Scope
from backend.model.verbs.approval_grant import ApprovalGrant
from backend.model.verbs.approval_refuse import ApprovalRefuse
from backend.people.door import Door
from backend.stores.queries import require_store

from .bodies import approval_body, command_in
from .limiting import Limiting
from .schemas import ApprovalShape, ApprovalsShape, LimitsBody, LimitsShape
from .service import (
    UnknownApproval,
    approval_of,
    approved_on_the_spot,
    asking_for,
    change_limits,
    limits_in,
)

INNER = (
    "insufficient_stock",
    "version_moved",
    "reason_not_allowed",
    "price_not_allowed",
    "approval_needed",
    "money_mismatch",
    "refund_too_high",
    "receipt_taken",
    "unknown_reservation",
    "reservation_ended",
    "unknown_document",
    "wrong_status",
    "not_counted",
)
"""For `problems=`: what the commands that wait may be refused for."""
ON_THE_SPOT = ("sign_in_refused", "sign_in_locked", "scope_missing", "own_approval", "wrong_status")
"""For `problems=`: what an `approval` in the body may be refused for."""


class GrantBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A decision; `id` makes a retry harmless."""

    id: UUID | None = None


class RefuseBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A decision, and why."""

    reason: Reason
    id: UUID | None = None


def approval_routes(db: Database, ledger: Ledger, limiting: Limiting, door: Door) -> list[HTTPRouteHandler]:
    """/approvals and /stores/{store_id}/approval-limits, for every verb that may wait by now."""
    body: Any = approval_body()

    @post(
        "/approvals",
        scope=Scope.APPROVALS_REQUEST,
        problems=(*COMMAND, *INNER, *ON_THE_SPOT, "command_not_approvable"),
        example={
            "command": {
                "type": "adjust",
                "id": "019a9f3e-0000-7000-8000-000000000001",
                "store_id": "292",
                "product_id": "818981",
                "adjustment": -40,
                "reason": "the freezer was off",
                "reason_code": "damage",
            },
            "reason": "whole shelf thawed",
        },
    )
    async def ask(request: ApiRequest, data: JSONBody[body]) -> ApprovalShape:
        """Put a command before a second person; with `approval` they grant it at once. It keeps the command's id."""
        command = command_in(data.command, command_id(request, data.command.id))
        request.auth.require_store(command.store_id)
        asking = await asking_for(db, command, data.reason)
        if data.approval is None:
            return _shape(await settle(ledger, asking, request.auth))
        who, origin = request.auth.who, request.origin()
        return _shape(await approved_on_the_spot(door, ledger, asking, who, origin, data.approval))

    @get("/approvals", scope=Scope.APPROVALS_REQUEST, problems=("store_not_allowed", "unknown_store"))
    async def listed(
        request: ApiRequest,
        store_id: Annotated[str, QueryParameter(max_length=32)],
        status: Annotated[str, QueryParameter(max_length=16, description=", ".join(STATUSES))] = REQUESTED,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[ApprovalsShape]:
        """Returns the approvals of a store in a status, latest change first; those that wait unless it is said
        otherwise."""
        if status not in STATUSES:
            raise InvalidInput("status", f"status must be one of {', '.join(STATUSES)}, not {status!r}.")
        after = behind(cursor, Place) or LATEST
        request.auth.require_store(store_id)
        async with reading(db) as connection:
            await require_store(connection, store_id)
            found = await documents_of(connection, KIND, store_id, [status], after=after, limit=limit + 1)
        shown, headers = page(request, found, limit, Place.of)
        return Response(ApprovalsShape(store_id, [ApprovalShape.of(one) for one in shown]), headers=headers)

    @get("/approvals/{approval_id:str}", scope=Scope.APPROVALS_REQUEST, problems=("unknown_document",))
    async def one(request: ApiRequest, approval_id: FromPath[str]) -> ApprovalShape:
        """Returns one approval."""
        return ApprovalShape.of(await _found(request, approval_id))

    @post(
        "/approvals/{approval_id:str}/grant",
        scope=Scope.APPROVALS_WRITE,
        problems=(*COMMAND, *INNER, "scope_missing", "own_approval", "command_not_approvable"),
        status_code=200,
    )
    async def grant(request: ApiRequest, approval_id: FromPath[str], data: JSONBody[GrantBody]) -> ApprovalShape:
        """Let what waits take effect now. Who asked for it cannot grant it."""
        id_ = command_id(request, data.id)
        document = await _found(request, approval_id)
        command = ApprovalGrant(id=id_, store_id=document.store_id, approval_id=document.id)
        objections = await limiting.objections({0: command}, request.auth)
        return _shape(await settle(ledger, command, request.auth, objections.get(0)))

    @post(
        "/approvals/{approval_id:str}/refuse",
        scope=Scope.APPROVALS_WRITE,
        problems=(*COMMAND, "unknown_document", "wrong_status"),
        status_code=200,
    )
    async def refuse(request: ApiRequest, approval_id: FromPath[str], data: JSONBody[RefuseBody]) -> ApprovalShape:
        """Refuse what waits, and say why."""
        id_ = command_id(request, data.id)
        document = await _found(request, approval_id)
        command = ApprovalRefuse(id=id_, store_id=document.store_id, approval_id=document.id, reason=data.reason)
        return _shape(await settle(ledger, command, request.auth))

    @get(
        "/stores/{store_id:str}/approval-limits",
        scope=Scope.APPROVALS_REQUEST,
        problems=("store_not_allowed", "unknown_store"),
    )
    async def limits(request: ApiRequest, store_id: FromPath[str]) -> LimitsShape:
        """Returns the limits above which a correction in this store waits for approval."""
        request.auth.require_store(store_id)
        return LimitsShape.of(store_id, await limits_in(db, store_id))

    @put(
        "/stores/{store_id:str}/approval-limits",
        scope=Scope.STORES_WRITE,
        problems=(*WRITE, "store_not_allowed", "unknown_store"),
        example={"units": 20, "value_cents": 5000},
    )
    async def put_limits(request: ApiRequest, store_id: FromPath[str], data: JSONBody[LimitsBody]) -> LimitsShape:
        """Set the limits of a store, both at once; what is left out is no limit."""
        request.auth.require_store(store_id)
        wanted = Limits(data.units, data.value_cents)
        await change_limits(db, request.origin(), store_id, wanted)
        return LimitsShape.of(store_id, wanted)

    async def _found(request: ApiRequest, approval_id: str) -> Document:
        return await approval_of(db, request.auth, id_or(UnknownApproval, approval_id))

    return [ask, listed, one, grant, refuse, limits, put_limits]


def _shape(answer: Answer) -> ApprovalShape:
    return ApprovalShape.of(answer.documents[-1])
