"""The catalogue: the counter's search, and one product by any of its codes."""

from collections.abc import Sequence
from typing import Annotated

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct, json
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.errors import UnknownBarcode, UnknownProduct
from backend.http.etags import UNCHANGED, tagged
from backend.http.pages import Cursor, behind, cursor_of, next_link
from backend.http.request import ApiRequest
from backend.http.viewed import viewed
from backend.model.barcode import DamagedBarcode
from backend.model.scans import CodeKind, Mask, Scan, read_scan
from backend.model.scopes import Scope
from backend.model.unit_price import UnitPrice
from backend.stock.queries import stock_at
from backend.stock.schemas import StockShape
from backend.stores.queries import require_store
from backend.views.views import Views

from .price_lists import prices_in
from .schemas import ProductShape, ScanShape
from .search_queries import Product, product_by_barcode, product_by_id, product_by_sku
from .word_search import Page, SearchKey, search_products

MAX_PAGE_SIZE = 100
MAX_OFFSET = 100_000_000
OfStore = Annotated[str | None, QueryParameter(max_length=32, description="Adds what it costs in this store.")]


class ProductsShape(Struct, frozen=True):
    """One page of a search."""

    products: list[ProductShape]
    total: int
    page: int
    page_size: int
    total_pages: int
    total_exact: bool = True
    """False when there are so many that they were not counted."""
    similar: bool = False
    """Nothing has the words that were asked for; these have similar ones."""


def catalogue_routes(db: Database, views: Views | None, masks: Sequence[Mask] = ()) -> list[HTTPRouteHandler]:
    """GET /products and its single forms."""

    @get("/products", scope=Scope.CATALOGUE_READ, problems=("unknown_store",))
    async def products(
        request: ApiRequest,
        q: Annotated[str, QueryParameter(max_length=200)] = "",
        category: Annotated[str | None, QueryParameter(max_length=200)] = None,
        category_path: Annotated[str | None, QueryParameter(max_length=500)] = None,
        store_id: FromQuery[str | None] = None,
        page: Annotated[int, QueryParameter(ge=1, le=1_000_000)] = 1,
        page_size: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE_SIZE)] = 50,
        limit: Annotated[int | None, QueryParameter(ge=1, le=MAX_PAGE_SIZE)] = None,
        offset: Annotated[int | None, QueryParameter(ge=0, le=MAX_OFFSET)] = None,
        cursor: Cursor = None,
        inactive: FromQuery[bool] = False,
    ) -> Response[ProductsShape]:
        """Returns products with a word that begins with each word of `q`, best first; with the stock of `store_id` if
        given.

        The `next` link leads through all of them. `limit` and `offset` say in rows what `page_size` and `page` say in
        pages. The page itself may come from a view, with its Age; the stock in it never does. `inactive` also finds
        products that are no longer sold. `category_path` is a place in the tree of categories: what is there or below.
        """
        size = page_size if limit is None else limit
        after = behind(cursor, SearchKey)
        start = after.seen if after else (page - 1) * size if offset is None else offset

        async def search() -> Page:
            async with reading(db) as connection:
                skipped = 0 if after else start
                return await search_products(
                    connection,
                    q,
                    category=category,
                    category_path=category_path,
                    inactive=inactive,
                    limit=size,
                    offset=skipped,
                    after=after,
                )

        question = json.encode((q, category, category_path, size, start, after, inactive)).decode()
        found, headers = await viewed(request, views.search.read if views else None, question, search)
        stock, costs = {}, dict[str, UnitPrice]()
        if store_id is not None:
            async with reading(db) as connection:
                await require_store(connection, store_id)
                levels = await stock_at(connection, [(store_id, product.id) for product in found.products])
                costs = await prices_in(connection, store_id, found.products)
            stock = {product_id: StockShape.at(level) for (_, product_id), level in levels.items()}
        shown = [ProductShape.of(x, stock.get(x.id), store_price=costs.get(x.id)) for x in found.products]
        pages = -(-found.total // size)
        shape = ProductsShape(shown, found.total, start // size + 1, size, pages, found.exact, found.similar)
        if found.next is None:
            return Response(shape, headers=headers)
        if offset is not None and after is None:
            return Response(shape, headers=headers | next_link(request, "offset", str(offset + size)))
        if page > 1 and after is None:
            return Response(shape, headers=headers | next_link(request, "page", str(page + 1)))
        return Response(shape, headers=headers | next_link(request, "cursor", cursor_of(found.next)))

    @get(
        "/products/{product_id:str}",
        scope=Scope.CATALOGUE_READ,
        problems=("unknown_product", "unknown_store"),
        responses=UNCHANGED,
    )
    async def product(
        request: ApiRequest, product_id: FromPath[str], store_id: OfStore = None
    ) -> Response[ProductShape]:
        """Returns one product by its id."""
        async with reading(db) as connection:
            found = await product_by_id(connection, product_id)
            if found is None:
                raise UnknownProduct(product_id)
            cost = await _cost(connection, store_id, found)
        return tagged(request, found.version, ProductShape.of(found, store_price=cost))

    @get(
        "/products/sku/{sku:str}",
        scope=Scope.CATALOGUE_READ,
        problems=("unknown_product", "unknown_store"),
        responses=UNCHANGED,
    )
    async def by_sku(request: ApiRequest, sku: FromPath[str], store_id: OfStore = None) -> Response[ProductShape]:
        """Returns one product by its SKU."""
        async with reading(db) as connection:
            found = await product_by_sku(connection, sku)
            if found is None:
                raise UnknownProduct(sku, "sku")
            cost = await _cost(connection, store_id, found)
        return tagged(request, found.version, ProductShape.of(found, store_price=cost))

    @get("/products/barcode/{barcode:str}", scope=Scope.CATALOGUE_READ, problems=("unknown_barcode", "unknown_store"))
    async def by_barcode(barcode: FromPath[str], store_id: OfStore = None) -> ProductShape:
        """Returns the product that carries a barcode, how many units one scan of it means, and what else the code says.

        A GS1 code may come with its brackets or as it was scanned; of one in which a weight or a price is printed, the
        product is found by the rest. Damaged codes are looked up as they are.
        """
        try:
            scan = read_scan(barcode, masks)
        except DamagedBarcode:
            scan = Scan(CodeKind.CODE_128, ())
        async with reading(db) as connection:
            found = await product_by_barcode(connection, list(dict.fromkeys([barcode, *scan.keys])))
            if found is None:
                raise UnknownBarcode(barcode)
            cost = await _cost(connection, store_id, found[0])
        said = ScanShape.of(scan) if scan.says_more else None
        return ProductShape.of(found[0], pack_quantity=found[1], scan=said, store_price=cost)

    return [products, product, by_sku, by_barcode]


async def _cost(connection: AsyncConnection, store_id: str | None, product: Product) -> UnitPrice | None:
    """Returns what a product costs in a store, if one is named. Raises UnknownStore."""
    if store_id is None:
        return None
    await require_store(connection, store_id)
    return (await prices_in(connection, store_id, [product]))[product.id]
