"""The barcodes of a product: its list, another one, and one that goes. Each change is an act in the audit trail."""

from collections.abc import Sequence
from typing import Annotated

from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.audit_trail import record
from backend.database.engine import Database
from backend.database.once import run_once
from backend.database.reads import reading
from backend.database.writes import writing
from backend.http.commanding import attempt
from backend.http.declaring import ONCE, WRITE
from backend.http.errors import UnknownBarcode, UnknownProduct
from backend.http.invalid import InvalidBody
from backend.http.request import ApiRequest
from backend.model.barcode import DamagedBarcode
from backend.model.commands import Quantity
from backend.model.scans import MAX_CODE, Mask, stored_code
from backend.model.scopes import Scope

from .barcode_queries import ProductBarcode, add_barcode, barcodes_of, remove_barcode
from .search_queries import product_by_id


class BarcodeBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A code to be, and how many units one scan of it means: 6 for a box of six."""

    barcode: Annotated[str, Meta(min_length=1, max_length=MAX_CODE)]
    quantity: Quantity = 1


class BarcodesShape(Struct, frozen=True):
    """The codes of a product."""

    product_id: str
    barcodes: list[ProductBarcode]


def barcode_routes(db: Database, masks: Sequence[Mask]) -> list[HTTPRouteHandler]:
    """GET and POST /products/{product_id}/barcodes; DELETE /products/{product_id}/barcodes/{barcode}"""

    @get("/products/{product_id:str}/barcodes", scope=Scope.CATALOGUE_READ, problems=("unknown_product",))
    async def of_product(product_id: FromPath[str]) -> BarcodesShape:
        """Returns the barcodes of a product: each with its kind and the units that one scan of it means."""
        async with reading(db) as connection:
            await _known(connection, product_id)
            return BarcodesShape(product_id, await barcodes_of(connection, product_id, masks))

    @post(
        "/products/{product_id:str}/barcodes",
        scope=Scope.CATALOGUE_WRITE,
        problems=(*ONCE, "unknown_product", "barcode_taken"),
        example={"barcode": "18400000000014", "quantity": 6},
    )
    async def add(request: ApiRequest, product_id: FromPath[str], data: JSONBody[BarcodeBody]) -> BarcodesShape:
        """Give a product another barcode, of one unit or of a pack. Its check digit has to be right."""
        code = _kept(data.barcode, masks)

        async def effect(connection: AsyncConnection) -> BarcodesShape:
            await _known(connection, product_id, lock=True)
            await add_barcode(connection, product_id, code, data.quantity)
            after = {"barcode": code, "quantity": data.quantity}
            await record(connection, request.origin(), "barcode.create", f"product:{product_id}", after=after)
            return BarcodesShape(product_id, await barcodes_of(connection, product_id, masks))

        return await run_once(db, attempt(request, data), effect, BarcodesShape)

    @delete(
        "/products/{product_id:str}/barcodes/{barcode:str}",
        scope=Scope.CATALOGUE_WRITE,
        problems=(*WRITE, "unknown_product", "unknown_barcode"),
    )
    async def remove(request: ApiRequest, product_id: FromPath[str], barcode: FromPath[str]) -> None:
        """Take a barcode away from a product."""
        async with writing(db) as connection:
            await _known(connection, product_id, lock=True)
            if not await remove_barcode(connection, product_id, barcode):
                raise UnknownBarcode(barcode)
            before = {"barcode": barcode}
            await record(connection, request.origin(), "barcode.delete", f"product:{product_id}", before=before)

    return [of_product, add, remove]


async def _known(connection: AsyncConnection, product_id: str, *, lock: bool = False) -> None:
    if await product_by_id(connection, product_id, lock=lock) is None:
        raise UnknownProduct(product_id)


def _kept(barcode: str, masks: Sequence[Mask]) -> str:
    try:
        return stored_code(barcode, masks)[0]
    except DamagedBarcode as damaged:
        raise InvalidBody("barcode", damaged.message) from damaged
