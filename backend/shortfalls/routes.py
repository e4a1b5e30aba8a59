"""Shortfall cases over HTTP: list them, look at one, and say what becomes of its units."""

from uuid import UUID

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody

from backend.database.engine import Database
from backend.documents.asking import STEP, StoreOf, asked_store, document_id, ensure_concerned
from backend.documents.queries import LATEST, Place
from backend.http.commanding import command_id
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.model.documents import Document
from backend.model.scopes import Scope
from backend.model.shortfalls import LIVE, SHORTFALL, ShortfallStatus

from .schemas import ShortfallShape, ShortfallsShape
from .service import Resolution, Shortfalls, scope_of


class ResolveBody(Resolution, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A resolution, and the id that makes sending it again harmless."""

    id: UUID | None = None


def shortfall_routes(db: Database, shortfalls: Shortfalls) -> list[HTTPRouteHandler]:
    """/shortfalls"""

    async def found(request: ApiRequest, text: str) -> Document:
        """Returns the case, if its store is the caller's."""
        case = await shortfalls.case(document_id(SHORTFALL.name, text))
        ensure_concerned(request, case)
        return case

    @get("/shortfalls", scope=Scope.SALES_SETTLE, problems=("store_not_allowed", "unknown_store"))
    async def listed(
        request: ApiRequest,
        store_id: StoreOf = None,
        status: FromQuery[ShortfallStatus | None] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[ShortfallsShape]:
        """Returns the shortfall cases of a store, latest change first; those that are not settled unless it is said."""
        after = behind(cursor, Place) or LATEST
        store = await asked_store(db, request, store_id)
        some = await shortfalls.cases(store, LIVE if status is None else (status,), after, limit + 1)
        cases, headers = page(request, some, limit, Place.of)
        shapes = await shortfalls.shown(*cases)
        return Response(ShortfallsShape(store, shapes, len(shapes)), headers=headers)

    @get("/shortfalls/{shortfall_id:str}", scope=Scope.SALES_SETTLE, problems=("unknown_document",))
    async def one(request: ApiRequest, shortfall_id: FromPath[str]) -> ShortfallShape:
        """Returns a shortfall case, what can be done about it, and what each of that means."""
        (shape,) = await shortfalls.shown(await found(request, shortfall_id))
        return shape

    @post(
        "/shortfalls/{shortfall_id:str}/resolve",
        scope=Scope.SALES_SETTLE,
        problems=(*STEP, "more_than_open", "insufficient_stock", "same_store", "more_than_sold", "unknown_sale"),
        example={"choice": "adjust", "reason": "two were behind the counter"},
        status_code=200,
    )
    async def resolve(request: ApiRequest, shortfall_id: FromPath[str], data: JSONBody[ResolveBody]) -> ShortfallShape:
        """Say what becomes of the units: `take`, `backorder`, `transfer_in`, `adjust`, `refund` or `dismiss`."""
        id_ = command_id(request, data.id)
        case = await found(request, shortfall_id)
        request.auth.require_store(case.store_id)
        for scope in scope_of(data.choice):
            request.auth.require_scope(scope)
        resolution = Resolution(**{name: getattr(data, name) for name in Resolution.__struct_fields__})
        after = await shortfalls.resolve(case, resolution, id_, request.auth.who)
        return ShortfallShape.of(after)

    return [listed, one, resolve]
