"""Everything there is of a kind, a JSON object a line, for other programs' tables.

An export is read in pages, each behind the last row of the one before, and a page goes out before the next is read. So
it takes the memory of one page whatever its length, and a client that reads slowly keeps no connection to the database
and no old snapshot in it. Its rows are the rows of the lists, each as it was when its page was read.
"""

from asyncio import Semaphore
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream
from msgspec import json
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.catalogue.schemas import ProductShape
from backend.catalogue.search_queries import products_behind
from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.moments import NEWEST, OLDEST, moment
from backend.http.request import ApiRequest
from backend.model.scopes import Scope
from backend.sales.queries import SaleKey, sales_of
from backend.sales.schemas import SaleShape
from backend.stock.history_queries import StepKey, movements_of
from backend.stock.queries import stock_behind, stock_in
from backend.stock.schemas import StockShape
from backend.stores.queries import require_store

NDJSON = "application/x-ndjson"
PAGE = 500
"""Rows that are read, and then sent, at once."""
READERS = 2
"""Pages that one server reads at once, for all its exports: the counter has the other connections."""

OfStore = Annotated[str, QueryParameter(max_length=32)]
_STORE = ("store_not_allowed", "unknown_store")
Row = TypeVar("Row")


def export_routes(db: Database) -> list[HTTPRouteHandler]:
    """GET /export/products, /export/stock, /export/movements and /export/sales"""
    turns = Semaphore(READERS)

    async def export(
        read: Callable[[AsyncConnection, Row | None], Awaitable[Sequence[Row]]],
        shape: Callable[[Row], object],
        store_id: str | None = None,
    ) -> Stream:
        """Returns all that `read` finds, which gets the last row of the page before. Raises UnknownStore."""

        async def page(last: Row | None) -> Sequence[Row]:
            async with turns, reading(db) as connection:
                if last is None and store_id is not None:
                    await require_store(connection, store_id)
                return await read(connection, last)

        # What is wrong is said now, as a problem; later the connection can only break.
        return Stream(lines(await page(None), page, shape), media_type=NDJSON)

    @get("/export/products", scope=Scope.CATALOGUE_READ, media_type=NDJSON)
    async def products() -> Stream:
        """Returns every product, by id."""
        return await export(
            lambda connection, last: products_behind(connection, last.id if last else "", PAGE), ProductShape.of
        )

    @get("/export/stock", scope=Scope.STOCK_READ, media_type=NDJSON, problems=("unknown_store",))
    async def stock(store_id: Annotated[str | None, QueryParameter(max_length=32)] = None) -> Stream:
        """Returns what was ever in a store, or in any store of the chain, by store and product."""
        if store_id is None:
            return await export(
                lambda connection, last: stock_behind(
                    connection, (last.row.store_id, last.row.product_id) if last else ("", ""), PAGE
                ),
                StockShape.at,
            )
        return await export(
            lambda connection, last: stock_in(
                connection, store_id, after=last.row.product_id if last else "", limit=PAGE
            ),
            StockShape.at,
            store_id,
        )

    @get("/export/movements", scope=Scope.STOCK_READ, media_type=NDJSON, problems=_STORE)
    async def movements(
        request: ApiRequest,
        store_id: OfStore,
        since: FromQuery[datetime | None] = None,
        until: FromQuery[datetime | None] = None,
    ) -> Stream:
        """Returns the movements of a store, latest first, from `since` on and before `until`."""
        first = StepKey(moment("until", until or NEWEST), "", 0)
        begin = moment("since", since or OLDEST)
        request.auth.require_store(store_id)
        return await export(
            lambda connection, last: movements_of(
                connection,
                store_id,
                None,
                begin,
                StepKey(last.at, last.product_id, last.version) if last else first,
                PAGE,
            ),
            lambda step: step,
            store_id,
        )

    @get("/export/sales", scope=Scope.SALES_READ, media_type=NDJSON, problems=_STORE)
    async def sales(
        request: ApiRequest,
        store_id: OfStore,
        since: FromQuery[datetime | None] = None,
        until: FromQuery[datetime | None] = None,
    ) -> Stream:
        """Returns the sales of a store, latest first, from `since` on and before `until`."""
        first = SaleKey(moment("until", until or NEWEST), UUID(int=0))
        begin = moment("since", since or OLDEST)
        request.auth.require_store(store_id)
        return await export(
            lambda connection, last: sales_of(
                connection, store_id, begin, SaleKey(last.sold_at, last.id) if last else first, PAGE
            ),
            SaleShape.of,
            store_id,
        )

    return [products, stock, movements, sales]


async def lines(
    first: Sequence[Row], behind: Callable[[Row], Awaitable[Sequence[Row]]], shape: Callable[[Row], object]
) -> AsyncIterator[bytes]:
    """Yields the `first` page and all pages `behind` it, each read when the one before has been taken."""
    rows = first
    while rows:
        yield json.Encoder().encode_lines([shape(row) for row in rows])
        rows = await behind(rows[-1])
