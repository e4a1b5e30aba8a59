"""GET /inbox: shortfall cases and refused sales of a store in one list."""

from heapq import merge
from itertools import islice

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from backend.database.engine import Database
from backend.database.reads import reading
from backend.documents.asking import StoreOf, asked_store
from backend.documents.queries import LATEST, Place, documents_of
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.model.documents import Document
from backend.model.refused_sales import REFUSED_SALE, RefusedStatus
from backend.model.scopes import Scope
from backend.model.shortfalls import LIVE, SHORTFALL
from backend.shortfalls.service import Shortfalls

from .schemas import InboxShape, item_of_refusal, item_of_shortfall


def inbox_routes(db: Database, shortfalls: Shortfalls) -> list[HTTPRouteHandler]:
    """GET /inbox"""

    async def opened(store_id: str, after: Place, limit: int) -> list[Document]:
        """Returns what is open behind `after`, latest change first."""
        async with reading(db) as connection:
            short = await documents_of(connection, SHORTFALL.name, store_id, LIVE, after=after, limit=limit)
            statuses = (RefusedStatus.OPEN,)
            refused = await documents_of(connection, REFUSED_SALE.name, store_id, statuses, after=after, limit=limit)
        return list(islice(merge(short, refused, key=Place.of, reverse=True), limit))

    @get("/inbox", scope=Scope.SALES_SETTLE, problems=("store_not_allowed", "unknown_store"))
    async def inbox(
        request: ApiRequest, store_id: StoreOf = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Response[InboxShape]:
        """Returns what a store has to look at: units that were short, and sales that were refused, latest first."""
        store = await asked_store(db, request, store_id)
        found = await opened(store, behind(cursor, Place) or LATEST, limit + 1)
        documents, headers = page(request, found, limit, Place.of)
        cases = await shortfalls.shown(*[x for x in documents if x.kind == SHORTFALL.name])
        by_id = {case.id: item_of_shortfall(case) for case in cases}
        items = [by_id[x.id] if x.kind == SHORTFALL.name else item_of_refusal(x) for x in documents]
        return Response(InboxShape(store, items, len(items)), headers=headers)

    return [inbox]
