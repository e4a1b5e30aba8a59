"""Selling: goods leave the store for good, in one all-or-nothing command; and what was sold."""

from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType

from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.commanding import command_id, settle
from backend.http.declaring import COMMAND
from backend.http.errors import UnknownSale
from backend.http.ids import id_or
from backend.http.moments import NEWEST, OLDEST, moment
from backend.http.money import Price, cents
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.ledger.lanes import Ledger
from backend.model.commands import MAX_LINES, ProductId, Quantity, Reason, SaleLine, StoreId
from backend.model.scopes import Scope
from backend.model.verbs.sell import Sell
from backend.stores.queries import require_store

from .pricing import Pricing
from .queries import SaleKey, sale_by_id, sale_by_receipt, sales_of
from .schemas import NewSaleShape, SaleShape


class SoldLine(Struct, frozen=True, forbid_unknown_fields=True):
    """Some units of one product at `unit_price` each."""

    product_id: ProductId
    quantity: Quantity
    unit_price: Price

    def priced(self, index: int) -> SaleLine:
        """The line in cents. Raises InvalidBody for a price that no till can charge."""
        return SaleLine(self.product_id, self.quantity, cents(f"lines[{index}].unit_price", self.unit_price))


class SellBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A basket. The `holds` named are ended and their units serve this sale first.

    `price_reason` says why a line has another price than the catalogue's.
    """

    store_id: StoreId
    lines: Annotated[tuple[SoldLine, ...], Meta(min_length=1, max_length=MAX_LINES)]
    id: UUID | None = None
    holds: Annotated[tuple[UUID, ...], Meta(max_length=MAX_LINES)] = ()
    receipt_number: Annotated[str, Meta(max_length=40, pattern=r"^[A-Za-z0-9/_-]*$(?!\n)")] = ""
    price_reason: Reason | UnsetType = UNSET
    made_at: Annotated[datetime, Meta(tz=True)] | UnsetType = UNSET
    """When it was made, for one that is told later; counts made in between take it into account."""


class SalesShape(Struct, frozen=True):
    """A page of the sales of a store, latest first."""

    store_id: str
    sales: list[SaleShape]


def sales_routes(db: Database, ledger: Ledger, pricing: Pricing) -> list[HTTPRouteHandler]:
    """/sales"""

    @post(
        "/sales",
        scope=Scope.SALES_WRITE,
        problems=(
            *COMMAND,
            "insufficient_stock",
            "unknown_reservation",
            "reservation_ended",
            "receipt_taken",
            "price_not_allowed",
        ),
    )
    async def sell(request: ApiRequest, data: JSONBody[SellBody]) -> NewSaleShape:
        """Sell a basket. The sale's id is the command's id."""
        lines = tuple(line.priced(index) for index, line in enumerate(data.lines))
        command = Sell(
            id=command_id(request, data.id),
            store_id=data.store_id,
            lines=lines,
            holds=data.holds,
            receipt_number=data.receipt_number,
            price_reason=data.price_reason,
            made_at=data.made_at,
        )
        objections = await pricing.objections({0: command}, request.auth, "unit_price")
        answer = await settle(ledger, command, request.auth, objections.get(0))
        assert answer.sale is not None  # an accepted sale has its record
        return NewSaleShape.of(answer.sale, lines, answer.stock)

    @get("/sales", scope=Scope.SALES_READ, problems=("store_not_allowed", "unknown_store"))
    async def sales(
        request: ApiRequest,
        store_id: Annotated[str, QueryParameter(max_length=32)],
        since: FromQuery[datetime | None] = None,
        until: FromQuery[datetime | None] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[SalesShape]:
        """The sales of a store, latest first, from `since` on and before `until`."""
        place = behind(cursor, SaleKey) or SaleKey(moment("until", until or NEWEST), UUID(int=0))
        since = moment("since", since or OLDEST)
        request.auth.require_store(store_id)
        async with reading(db) as connection:
            await require_store(connection, store_id)
            found = await sales_of(connection, store_id, since, place, limit + 1)
        shown, headers = page(request, found, limit, lambda sale: SaleKey(sale.sold_at, sale.id))
        return Response(SalesShape(store_id, [SaleShape.of(sale) for sale in shown]), headers=headers)

    @get("/sales/{sale_id:str}", scope=Scope.SALES_READ, problems=("unknown_sale",))
    async def sale(request: ApiRequest, sale_id: FromPath[str]) -> SaleShape:
        """One sale by its id."""
        async with reading(db) as connection:
            found = await sale_by_id(connection, id_or(UnknownSale, sale_id))
        if found is None or not request.auth.allows_store(found.store_id):
            raise UnknownSale(sale_id)
        return SaleShape.of(found)

    @get(
        "/sales/receipt/{store_id:str}/{receipt_number:path}",
        scope=Scope.SALES_READ,
        problems=("store_not_allowed", "unknown_sale"),
    )
    async def by_receipt(request: ApiRequest, store_id: FromPath[str], receipt_number: FromPath[Path]) -> SaleShape:
        """One sale by the number on its receipt, which may have slashes in it."""
        request.auth.require_store(store_id)
        number = receipt_number.as_posix().removeprefix("/")
        async with reading(db) as connection:
            found = await sale_by_receipt(connection, store_id, number)
        if found is None:
            raise UnknownSale(number, "receipt_number")
        return SaleShape.of(found)

    return [sell, sales, sale, by_receipt]
