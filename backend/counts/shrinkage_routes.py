"""GET /shrinkage: what went missing and what turned up."""

from datetime import datetime
from typing import Annotated

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from backend.auth.roles import EVERY_STORE
from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.moments import NEWEST, OLDEST, moment
from backend.http.request import ApiRequest
from backend.model.scopes import Scope
from backend.stores.queries import require_store

from .shrinkage import GroupBy, shrinkage


class ShrinkageRow(Struct, frozen=True):
    """The corrections of one group, in units, and their value at today's prices."""

    group: str
    missing: int
    found: int
    net: int
    net_value: float
    movements: int


class ShrinkageShape(Struct, frozen=True):
    """The report; without `store_id` it is of all the caller's stores."""

    store_id: str | None
    by: str
    rows: list[ShrinkageRow]
    missing: int
    found: int
    net: int
    net_value: float


def shrinkage_routes(db: Database) -> list[HTTPRouteHandler]:
    """GET /shrinkage"""

    @get("/shrinkage", scope=Scope.COUNTS_APPROVE, problems=("store_not_allowed", "unknown_store"))
    async def report(
        request: ApiRequest,
        by: FromQuery[GroupBy] = GroupBy.PRODUCT,
        store_id: Annotated[str | None, QueryParameter(max_length=32)] = None,
        since: FromQuery[datetime | None] = None,
        until: FromQuery[datetime | None] = None,
    ) -> ShrinkageShape:
        """Returns what counts and corrections found missing or too much, the largest loss first, grouped as asked."""
        first, last = moment("since", since or OLDEST), moment("until", until or NEWEST)
        stores: list[str] | None = sorted(request.auth.stores)
        if store_id is not None:
            request.auth.require_store(store_id)
            stores = [store_id]
        elif EVERY_STORE in request.auth.stores:
            stores = None
        async with reading(db) as connection:
            if store_id is not None:
                await require_store(connection, store_id)
            found = await shrinkage(connection, stores, by, first, last)
        rows = [ShrinkageRow(x.group, x.missing, x.found, x.net, x.net_cents / 100, x.movements) for x in found]
        return ShrinkageShape(
            store_id,
            by.value,
            rows,
            sum(x.missing for x in found),
            sum(x.found for x in found),
            sum(x.net for x in found),
            sum(x.net_cents for x in found) / 100,
        )

    return [report]
