"""Allotments over HTTP: who keeps what, reclaiming it, and the policies. Terminals ask for them as commands."""

from typing import Annotated

from litestar import Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, PathParameter, QueryParameter

from backend.database.engine import Database
from backend.database.reads import reading
from backend.documents.asking import StoreOf, asked_store
from backend.http.commanding import command_id, settle
from backend.http.declaring import COMMAND, WRITE
from backend.http.errors import UnknownReservation
from backend.http.ids import id_or
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.ledger.lanes import Ledger
from backend.model.allotments import DEFAULT_POLICY, EVERY_PRODUCT, AllotmentPolicy
from backend.model.scopes import Scope
from backend.model.verbs.allot_reclaim import AllotReclaim

from .queries import FIRST, AllotmentKey, allotments_in
from .schemas import AllotmentsShape, PoliciesShape, PolicyBody, PolicyShape, ReclaimBody, ReclaimedShape
from .service import policies_of_store, set_policy, store_holding

_Product = Annotated[str, PathParameter(description="A product, or * for all that have no policy of their own.")]


def allotment_routes(db: Database, ledger: Ledger) -> list[HTTPRouteHandler]:
    """/allotments and /stores/{store_id}/allotment-policies"""

    @get("/allotments", scope=Scope.STOCK_READ, problems=("store_not_allowed", "unknown_store"))
    async def listed(
        request: ApiRequest,
        store_id: StoreOf = None,
        product_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
        terminal_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
        overdue: FromQuery[bool] = False,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response[AllotmentsShape]:
        """Returns what the terminals of a store keep for outages, by product, in pages."""
        after = behind(cursor, AllotmentKey) or FIRST
        store_id = await asked_store(db, request, store_id)
        async with reading(db) as connection:
            found = await allotments_in(
                connection,
                store_id,
                product_id=product_id,
                terminal_id=terminal_id,
                overdue=overdue,
                after=after,
                limit=limit + 1,
            )
        shown, headers = page(request, found, limit, lambda one: AllotmentKey(one.product_id, one.id))
        return Response(AllotmentsShape(store_id, list(shown)), headers=headers)

    @post(
        "/allotments/{allotment_id:str}/reclaim",
        scope=Scope.ALLOTMENTS_RECLAIM,
        problems=(*COMMAND, "unknown_reservation", "reservation_ended"),
        status_code=200,
    )
    async def reclaim(request: ApiRequest, allotment_id: FromPath[str], data: JSONBody[ReclaimBody]) -> ReclaimedShape:
        """Take back what a terminal keeps. What it has sold of it meanwhile may be short when it reports."""
        known = id_or(UnknownReservation, allotment_id)
        store_id = await store_holding(db, request.auth, known)
        id_ = command_id(request, data.id)
        command = AllotReclaim(id=id_, store_id=store_id, allotment_id=known, reason=data.reason)
        answer = await settle(ledger, command, request.auth)
        assert answer.reservation is not None
        (line,), (row,) = answer.reservation.lines, answer.stock
        terminal_id = answer.reservation.terminal_id
        return ReclaimedShape(known, store_id, line.product_id, terminal_id, line.quantity, row.available)

    @get(
        "/stores/{store_id:str}/allotment-policies",
        scope=Scope.STOCK_READ,
        problems=("store_not_allowed", "unknown_store"),
    )
    async def policies(request: ApiRequest, store_id: FromPath[str]) -> PoliciesShape:
        """Returns how much of each product a terminal of the store may keep, and what happens beyond."""
        request.auth.require_store(store_id)
        default = PolicyShape.of(EVERY_PRODUCT, DEFAULT_POLICY)
        return PoliciesShape.of(store_id, default, await policies_of_store(db, store_id))

    @put(
        "/stores/{store_id:str}/allotment-policies/{product_id:str}",
        scope=Scope.STOCK_WRITE,
        problems=(*WRITE, "store_not_allowed", "unknown_store", "unknown_product"),
        example={"units": 20, "minutes": 120, "beyond": "supervisor"},
    )
    async def put_policy(
        request: ApiRequest, store_id: FromPath[str], product_id: _Product, data: JSONBody[PolicyBody]
    ) -> PolicyShape:
        """Set the policy of a product in the store, or (`*`) of all that have none of their own."""
        request.auth.require_store(store_id)
        policy = AllotmentPolicy(data.units, data.minutes, data.beyond)
        await set_policy(db, request.origin(), store_id, product_id, policy)
        return PolicyShape.of(product_id, policy)

    @delete(
        "/stores/{store_id:str}/allotment-policies/{product_id:str}",
        scope=Scope.STOCK_WRITE,
        problems=(*WRITE, "store_not_allowed", "unknown_store", "unknown_product"),
    )
    async def remove_policy(request: ApiRequest, store_id: FromPath[str], product_id: _Product) -> None:
        """Take away the policy of a product in the store; the store's own holds then, or the default."""
        request.auth.require_store(store_id)
        await set_policy(db, request.origin(), store_id, product_id, None)

    return [listed, reclaim, policies, put_policy, remove_policy]
