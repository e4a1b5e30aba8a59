"""GET /receipts/gaps: the receipt numbers of a store that no sale has."""

from datetime import datetime
from typing import Annotated

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, QueryParameter

from backend.database.engine import Database
from backend.http.moments import moment
from backend.http.request import ApiRequest
from backend.model.scopes import Scope

from .service import Gaps, gaps_of


def receipt_routes(db: Database) -> list[HTTPRouteHandler]:
    """/receipts"""

    @get("/receipts/gaps", scope=Scope.AUDIT_READ, problems=("store_not_allowed", "unknown_store"))
    async def gaps(
        request: ApiRequest,
        store_id: Annotated[str, QueryParameter(max_length=32)],
        since: FromQuery[datetime | None] = None,
        until: FromQuery[datetime | None] = None,
    ) -> Gaps:
        """Returns the receipt numbers of a store that its sales from `since` on and before `until` leave out."""
        request.auth.require_store(store_id)
        wanted = [None if at is None else moment(name, at) for name, at in (("since", since), ("until", until))]
        return await gaps_of(db, store_id, *wanted)

    return [gaps]
