"""Changing the catalogue: a new product, another price, one that goes. Each change is an act in the audit trail."""

from typing import Annotated

from litestar import Response, delete, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType, structs
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.audit_trail import record
from backend.database.engine import Database
from backend.database.once import run_once
from backend.database.writes import writing
from backend.http.commanding import attempt
from backend.http.declaring import ONCE, WRITE
from backend.http.errors import UnknownProduct
from backend.http.etags import PreconditionFailed, if_match, tagged
from backend.http.invalid import InvalidBody
from backend.http.money import Price, cents
from backend.http.request import ApiRequest
from backend.model.barcode import DamagedBarcode, parse_scan
from backend.model.commands import Text
from backend.model.scopes import Scope
from backend.model.text import LINE, PARAGRAPHS, REFUSED
from backend.model.unit_price import PricePer
from backend.model.units import CategoryPath, Unit
from backend.views.views import Views

from .queries import Draft, add_product, change_product, remove_product
from .schemas import ProductShape
from .search_queries import Product, product_by_id

# Codes are looked up by their address, in which a slash would part them.
Sku = Annotated[str, Meta(min_length=1, max_length=64, pattern=rf"^(?! )[^{REFUSED}/]+(?<! )$(?!\n)")]
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE)]
Description = Annotated[str, Meta(max_length=2000, pattern=PARAGRAPHS)]
PackageSize = Annotated[str, Meta(max_length=100, pattern=LINE)]
Barcode = Annotated[str, Meta(min_length=8, max_length=13)]
TaxRate = Annotated[float, Meta(ge=0, le=100)]


class NewProductBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A product to be; `barcode` is the code of one unit."""

    sku: Sku
    name: Name
    price: Price
    description: Description = ""
    category: Text = ""
    department: Text = ""
    brand: Text = ""
    package_size: PackageSize = ""
    barcode: Barcode | None = None
    active: bool = True
    unit: Unit = "piece"
    category_path: CategoryPath = ""
    tax_rate: TaxRate = 0
    tax_included: bool = True
    price_per: PricePer = 1
    """Units that `price` is for: 1000 for a price per kilogram of what is counted in grams."""

    def draft(self) -> Draft:
        """Returns the product in cents and with the barcode as scanners send it."""
        values = structs.asdict(self)
        price, rate = cents("price", values.pop("price")), cents("tax_rate", values.pop("tax_rate"))
        values |= {"price_cents": price, "tax_basis_points": rate, "barcode": _scanned(self.barcode)}
        return Draft(**values)


class ProductBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to change of a product; a field that is not sent stays as it is."""

    sku: Sku | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    price: Price | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    category: Text | UnsetType = UNSET
    department: Text | UnsetType = UNSET
    brand: Text | UnsetType = UNSET
    package_size: PackageSize | UnsetType = UNSET
    barcode: Barcode | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET
    unit: Unit | UnsetType = UNSET
    category_path: CategoryPath | UnsetType = UNSET
    tax_rate: TaxRate | UnsetType = UNSET
    tax_included: bool | UnsetType = UNSET
    price_per: PricePer | UnsetType = UNSET

    def changes(self) -> dict[str, object]:
        """Returns the fields of a draft that change."""
        sent = {name: value for name, value in structs.asdict(self).items() if value is not UNSET}
        if self.price is not UNSET:
            sent["price_cents"] = cents("price", sent.pop("price"))
        if self.tax_rate is not UNSET:
            sent["tax_basis_points"] = cents("tax_rate", sent.pop("tax_rate"))
        if self.barcode is not UNSET:
            sent["barcode"] = _scanned(self.barcode)
        return sent


def product_routes(db: Database, views: Views | None) -> list[HTTPRouteHandler]:
    """POST /products; PUT and DELETE /products/{product_id}"""

    async def changed() -> None:
        if views is not None:
            await views.search.moved()

    @post("/products", scope=Scope.CATALOGUE_WRITE, problems=(*ONCE, "sku_taken", "barcode_taken"))
    async def add(request: ApiRequest, data: JSONBody[NewProductBody]) -> Response[ProductShape]:
        """Add a product to the catalogue. The server makes its id."""
        draft = data.draft()

        async def effect(connection: AsyncConnection) -> ProductShape:
            shape = ProductShape.of(await add_product(connection, draft))
            await record(connection, request.origin(), "product.create", f"product:{shape.id}", after=shape)
            return shape

        shape = await run_once(db, attempt(request, data), effect, ProductShape)
        await changed()
        answer = tagged(request, shape.version, shape, status=201)
        answer.headers["Location"] = f"{request.scope['path']}/{shape.id}"
        return answer

    @put(
        "/products/{product_id:str}",
        scope=Scope.CATALOGUE_WRITE,
        problems=(*ONCE, "unknown_product", "sku_taken", "barcode_taken", "version_moved"),
        example={"price": 3.49},
    )
    async def change(
        request: ApiRequest, product_id: FromPath[str], data: JSONBody[ProductBody]
    ) -> Response[ProductShape]:
        """Change a product; with If-Match only as it was when it was read."""
        changes = data.changes()

        async def effect(connection: AsyncConnection) -> ProductShape:
            product = await _seen(request, connection, product_id)
            was, draft = Draft.of(product), structs.replace(Draft.of(product), **changes)
            before = ProductShape.of(product)
            if draft == was:
                return before
            after = ProductShape.of(await change_product(connection, product, draft))
            subject = f"product:{product_id}"
            await record(connection, request.origin(), "product.update", subject, before=before, after=after)
            return after

        after = await run_once(db, attempt(request, data), effect, ProductShape)
        await changed()
        return tagged(request, after.version, after)

    @delete(
        "/products/{product_id:str}",
        scope=Scope.CATALOGUE_WRITE,
        problems=(*WRITE, "unknown_product", "product_in_use", "version_moved"),
    )
    async def remove(request: ApiRequest, product_id: FromPath[str]) -> None:
        """Take a product out of the catalogue, as long as it has never had stock."""
        async with writing(db) as connection:
            product = await _seen(request, connection, product_id)
            await remove_product(connection, product)
            before = ProductShape.of(product)
            await record(connection, request.origin(), "product.delete", f"product:{product_id}", before=before)
        await changed()

    return [add, change, remove]


async def _seen(request: ApiRequest, connection: AsyncConnection, product_id: str) -> Product:
    """Returns the product, kept from others until the transaction ends, and no other than the caller has seen."""
    match = if_match(request)
    product = await product_by_id(connection, product_id, lock=True)
    if product is None:
        raise UnknownProduct(product_id)
    if match is not None and match.version not in (None, product.version):
        raise PreconditionFailed(product.version, ProductShape.of(product))
    return product


def _scanned(barcode: str | None) -> str | None:
    try:
        return None if barcode is None else parse_scan(barcode)
    except DamagedBarcode as damaged:
        raise InvalidBody("barcode", damaged.message) from damaged
