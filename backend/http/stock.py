"""Stock as it is now: of one store, and of the whole chain, which everybody may see."""

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Struct

from backend.auth.roles import Scope
from backend.database import Database
from backend.repositories.catalogue import store_name
from backend.repositories.reads import reading
from backend.repositories.stock import stock_everywhere, stock_of

from .errors import UnknownProduct, UnknownStore
from .etags import tagged
from .request import ApiRequest
from .shapes import StockShape


class ChainStockShape(Struct, frozen=True):
    """The stock of one product in every store."""

    product_id: str
    stores: list[StockShape]
    total_quantity: int
    total_reserved: int
    total_available: int


def stock_routes(db: Database) -> list[HTTPRouteHandler]:
    """GET /stock/…"""

    @get("/stock/{product_id:str}/{store_id:str}", scope=Scope.STOCK_READ)
    async def in_store(request: ApiRequest, product_id: FromPath[str], store_id: FromPath[str]) -> Response[StockShape]:
        """The stock of a product in a store: zeros and version 0 if it never moved there."""
        async with reading(db) as connection:
            level = await stock_of(connection, product_id, store_id)
            if level is None and await store_name(connection, store_id) is None:
                raise UnknownStore(store_id)
        if level is None:
            raise UnknownProduct(product_id)
        return tagged(request, level.row.version, StockShape.at(level))

    @get("/stock/product/{product_id:str}", scope=Scope.STOCK_READ)
    async def in_chain(product_id: FromPath[str]) -> ChainStockShape:
        """The stock of a product in every store of the chain."""
        async with reading(db) as connection:
            levels = await stock_everywhere(connection, product_id)
        if not levels:
            raise UnknownProduct(product_id)
        rows = [level.row for level in levels]
        return ChainStockShape(
            product_id,
            [StockShape.at(level) for level in levels],
            sum(row.on_hand for row in rows),
            sum(row.reserved for row in rows),
            sum(row.available for row in rows),
        )

    return [in_store, in_chain]
