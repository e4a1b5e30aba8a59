"""Stock as it is now: of one store, and of the whole chain, which everybody may see."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct, json

from backend.database.dataloader import Dataloader
from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.errors import UnknownProduct
from backend.http.etags import UNCHANGED, tagged
from backend.http.pages import Cursor, behind, page
from backend.http.request import ApiRequest
from backend.http.viewed import viewed
from backend.model.commands import MAX_QUANTITY, ProductId, StoreId
from backend.model.scopes import Scope
from backend.model.stock import Key
from backend.stores.queries import require_store
from backend.views.views import Views

from .queries import StockLevel, is_low, low_stock, stock_at, stock_everywhere, stock_in
from .schemas import StockShape

Limit = Annotated[int, QueryParameter(ge=1, le=5000, description="Rows of a page.")]
Units = Annotated[int, QueryParameter(ge=1, le=MAX_QUANTITY)]
Threshold = Annotated[int | None, QueryParameter(ge=0, le=MAX_QUANTITY)]


class ProductKey(NamedTuple):
    """Where a page of a store's stock begins."""

    product_id: ProductId


class StockKey(NamedTuple):
    """Where a page of all stock begins."""

    store_id: StoreId
    product_id: ProductId


class ChainStockShape(Struct, frozen=True):
    """The stock of one product in every store."""

    product_id: str
    stores: list[StockShape]
    total_quantity: int
    total_reserved: int
    total_available: int


class StoreStockShape(Struct, frozen=True):
    """What was ever in a store; `count` is the number of `items` on this page."""

    store_id: str
    items: list[StockShape]
    count: int


class LowStockShape(Struct, frozen=True):
    """What is running out; `count` is the number of `items` on this page."""

    threshold: int | None
    items: list[StockShape]
    count: int


class AvailabilityShape(Struct, frozen=True):
    """Whether `requested` units could be sold or held now."""

    product_id: str
    store_id: str
    sufficient: bool
    available: int
    requested: int


class PointReads:
    """The stock of one product in one store, as it is now; those who ask at the same time are asked for together."""

    def __init__(self, db: Database) -> None:
        """Reads from `db`."""
        self._db = db
        self._levels = Dataloader(self._find)

    async def level(self, product_id: str, store_id: str) -> StockLevel:
        """Returns the stock row, zeros if it never moved there. Raises UnknownStore or UnknownProduct."""
        level = await self._levels.get((store_id, product_id))
        if level is not None:
            return level
        async with reading(self._db) as connection:
            await require_store(connection, store_id)
        raise UnknownProduct(product_id)

    async def _find(self, keys: Sequence[Key]) -> dict[Key, StockLevel]:
        async with reading(self._db) as connection:
            return await stock_at(connection, keys)


def stock_routes(db: Database, point_reads: PointReads, views: Views | None) -> list[HTTPRouteHandler]:
    """GET /stock/…"""

    @get(
        "/stock/{product_id:str}/{store_id:str}",
        scope=Scope.STOCK_READ,
        problems=("unknown_store", "unknown_product"),
        responses=UNCHANGED,
    )
    async def in_store(request: ApiRequest, product_id: FromPath[str], store_id: FromPath[str]) -> Response[StockShape]:
        """Returns the stock of a product in a store: zeros and version 0 if it never moved there."""
        level = await point_reads.level(product_id, store_id)
        return tagged(request, level.row.version, StockShape.at(level))

    @get(
        "/stock/{product_id:str}/{store_id:str}/availability",
        scope=Scope.STOCK_READ,
        problems=("unknown_store", "unknown_product"),
    )
    async def availability(product_id: FromPath[str], store_id: FromPath[str], quantity: Units) -> AvailabilityShape:
        """Returns whether a store has so many units of a product free. To keep them, hold them."""
        available = (await point_reads.level(product_id, store_id)).row.available
        return AvailabilityShape(product_id, store_id, available >= quantity, available, quantity)

    @get("/stock/product/{product_id:str}", scope=Scope.STOCK_READ, problems=("unknown_product",))
    async def in_chain(request: ApiRequest, product_id: FromPath[str]) -> Response[ChainStockShape]:
        """Returns the stock of a product in every store of the chain. May come from a view, with its Age."""

        async def load() -> list[StockLevel]:
            async with reading(db) as connection:
                return await stock_everywhere(connection, product_id)

        levels, headers = await viewed(request, views.chain.read if views else None, product_id, load)
        if not levels:
            raise UnknownProduct(product_id)
        rows = [level.row for level in levels]
        shape = ChainStockShape(
            product_id,
            [StockShape.at(level) for level in levels],
            sum(row.on_hand for row in rows),
            sum(row.reserved for row in rows),
            sum(row.available for row in rows),
        )
        return Response(shape, headers=headers)

    @get("/stock/store/{store_id:str}", scope=Scope.STOCK_READ, problems=("unknown_store",))
    async def of_store(
        request: ApiRequest, store_id: FromPath[str], limit: Limit = 1000, cursor: Cursor = None
    ) -> Response[StoreStockShape]:
        """Returns what was ever in a store, by product id, in pages."""
        after = behind(cursor, ProductKey) or ProductKey("")
        async with reading(db) as connection:
            await require_store(connection, store_id)
            levels = await stock_in(connection, store_id, after=after.product_id, limit=limit + 1)
        shown, headers = page(request, levels, limit, lambda level: ProductKey(level.row.product_id))
        items = [StockShape.at(level) for level in shown]
        return Response(StoreStockShape(store_id, items, len(items)), headers=headers)

    @get("/stock/low-stock", scope=Scope.STOCK_READ, problems=("unknown_store",))
    async def low(
        request: ApiRequest,
        threshold: Threshold = None,
        store_id: FromQuery[str | None] = None,
        limit: Limit = 1000,
        cursor: Cursor = None,
    ) -> Response[LowStockShape]:
        """Returns what has at most `threshold` units available, or at most its own levels, by store and product, in
        pages.

        May come from a view, with its Age.
        """
        after = behind(cursor, StockKey) or StockKey("", "")

        async def load() -> list[StockLevel]:
            async with reading(db) as connection:
                if store_id is not None:
                    await require_store(connection, store_id)
                return await low_stock(connection, threshold, store_id, after=after, limit=limit + 1)

        question = json.encode((threshold, store_id, after, limit)).decode()
        levels, aged = await viewed(request, views.low_stock.read if views else None, question, load)
        shown, headers = page(request, levels, limit, lambda level: StockKey(level.row.store_id, level.row.product_id))
        if views:
            shown = [level for level in views.chain.as_committed(shown) if is_low(level, threshold)]
        items = [StockShape.at(level) for level in shown]
        return Response(LowStockShape(threshold, items, len(items)), headers=headers | aged)

    return [in_store, availability, in_chain, of_store, low]
