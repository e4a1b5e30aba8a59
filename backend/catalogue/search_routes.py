"""The catalogue: the counter's search, and one product by any of its codes."""

from typing import Annotated

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct, json

from backend.auth.roles import Scope
from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.errors import UnknownBarcode, UnknownProduct
from backend.http.etags import UNCHANGED, tagged
from backend.http.pages import next_link
from backend.http.request import ApiRequest
from backend.http.shapes import ProductShape, StockShape
from backend.http.viewed import viewed
from backend.model.errors import UnknownStore
from backend.stock.queries import stock_at
from backend.views.views import Views

from .search_queries import Page, product_by_barcode, product_by_id, product_by_sku, search_products, store_name

MAX_PAGE_SIZE = 100
MAX_OFFSET = 100_000_000


class ProductsShape(Struct, frozen=True):
    """One page of a search."""

    products: list[ProductShape]
    total: int
    page: int
    page_size: int
    total_pages: int


def catalogue_routes(db: Database, views: Views | None) -> list[HTTPRouteHandler]:
    """GET /products and its single forms."""

    @get("/products", scope=Scope.CATALOGUE_READ, problems=("unknown_store",))
    async def products(
        request: ApiRequest,
        q: Annotated[str, QueryParameter(max_length=200)] = "",
        category: Annotated[str | None, QueryParameter(max_length=200)] = None,
        store_id: FromQuery[str | None] = None,
        page: Annotated[int, QueryParameter(ge=1, le=1_000_000)] = 1,
        page_size: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE_SIZE)] = 50,
        limit: Annotated[int | None, QueryParameter(ge=1, le=MAX_PAGE_SIZE)] = None,
        offset: Annotated[int | None, QueryParameter(ge=0, le=MAX_OFFSET)] = None,
    ) -> Response[ProductsShape]:
        """Products in which every word of `q` occurs, best first; with the stock of `store_id` if it is given.

        `limit` and `offset` say in rows what `page_size` and `page` say in pages. The page itself may come from a
        view, with its Age; the stock in it never does.
        """
        size = page_size if limit is None else limit
        start = (page - 1) * size if offset is None else offset

        async def search() -> Page:
            async with reading(db) as connection:
                return await search_products(connection, q, category=category, limit=size, offset=start)

        question = json.encode((q, category, size, start)).decode()
        found, headers = await viewed(request, views.search.read if views else None, question, search)
        stock = {}
        if store_id is not None:
            async with reading(db) as connection:
                if await store_name(connection, store_id) is None:
                    raise UnknownStore(store_id)
                levels = await stock_at(connection, [(store_id, product.id) for product in found.products])
            stock = {product_id: StockShape.at(level) for (_, product_id), level in levels.items()}
        shown = [ProductShape.of(product, stock.get(product.id)) for product in found.products]
        shape = ProductsShape(shown, found.total, start // size + 1, size, -(-found.total // size))
        if start + size >= found.total:
            return Response(shape, headers=headers)
        onwards = ("page", page + 1) if offset is None else ("offset", offset + size)
        return Response(shape, headers=headers | next_link(request, onwards[0], str(onwards[1])))

    @get("/products/{product_id:str}", scope=Scope.CATALOGUE_READ, problems=("unknown_product",), responses=UNCHANGED)
    async def product(request: ApiRequest, product_id: FromPath[str]) -> Response[ProductShape]:
        """One product by its id."""
        async with reading(db) as connection:
            found = await product_by_id(connection, product_id)
        if found is None:
            raise UnknownProduct(product_id)
        return tagged(request, found.version, ProductShape.of(found))

    @get("/products/sku/{sku:str}", scope=Scope.CATALOGUE_READ, problems=("unknown_product",), responses=UNCHANGED)
    async def by_sku(request: ApiRequest, sku: FromPath[str]) -> Response[ProductShape]:
        """One product by its SKU."""
        async with reading(db) as connection:
            found = await product_by_sku(connection, sku)
        if found is None:
            raise UnknownProduct(sku, "sku")
        return tagged(request, found.version, ProductShape.of(found))

    @get("/products/barcode/{barcode:str}", scope=Scope.CATALOGUE_READ, problems=("unknown_barcode",))
    async def by_barcode(barcode: FromPath[str]) -> ProductShape:
        """The product that carries a barcode, and how many units one scan of it means."""
        async with reading(db) as connection:
            found = await product_by_barcode(connection, barcode)
        if found is None:
            raise UnknownBarcode(barcode)
        return ProductShape.of(found[0], pack_quantity=found[1])

    return [products, product, by_sku, by_barcode]
