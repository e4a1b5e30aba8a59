"""Selling: goods leave the store for good, in one all-or-nothing command; and what was sold."""

from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct

from backend.auth.roles import Scope
from backend.catalogue.search_queries import store_name
from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.commanding import command_id, settle
from backend.http.declaring import COMMAND
from backend.http.errors import UnknownSale
from backend.http.moments import NEWEST, OLDEST, moment
from backend.http.money import Price, cents
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.http.shapes import NewSaleShape, SaleShape
from backend.ledger.lanes import Ledger
from backend.model.commands import MAX_LINES, ProductId, Quantity, SaleLine, Sell, StoreId
from backend.model.errors import UnknownStore

from .queries import SaleKey, sale_by_id, sale_by_receipt, sales_of


class SoldLine(Struct, frozen=True, forbid_unknown_fields=True):
    """Some units of one product at `unit_price` each."""

    product_id: ProductId
    quantity: Quantity
    unit_price: Price

    def priced(self, index: int) -> SaleLine:
        """The line in cents. Raises InvalidBody for a price that no till can charge."""
        return SaleLine(self.product_id, self.quantity, cents(f"lines[{index}].unit_price", self.unit_price))


class SellBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A basket. The `holds` named are ended and their units serve this sale first."""

    store_id: StoreId
    lines: Annotated[tuple[SoldLine, ...], Meta(min_length=1, max_length=MAX_LINES)]
    id: UUID | None = None
    holds: Annotated[tuple[UUID, ...], Meta(max_length=MAX_LINES)] = ()
    receipt_number: Annotated[str, Meta(max_length=40, pattern=r"^[A-Za-z0-9/_-]*$(?!\n)")] = ""


class SalesShape(Struct, frozen=True):
    """A page of the sales of a store, latest first."""

    store_id: str
    sales: list[SaleShape]


def sales_routes(db: Database, ledger: Ledger) -> list[HTTPRouteHandler]:
    """/sales"""

    @post(
        "/sales",
        scope=Scope.SALES_WRITE,
        problems=(*COMMAND, "insufficient_stock", "unknown_reservation", "reservation_ended", "receipt_taken"),
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
        )
        answer = await settle(ledger, command, request.auth)
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
            if await store_name(connection, store_id) is None:
                raise UnknownStore(store_id)
            found = await sales_of(connection, store_id, since, place, limit + 1)
        shown, headers = page(request, found, limit, lambda sale: SaleKey(sale.sold_at, sale.id))
        return Response(SalesShape(store_id, [SaleShape.of(sale) for sale in shown]), headers=headers)

    @get("/sales/{sale_id:str}", scope=Scope.SALES_READ, problems=("unknown_sale",))
    async def sale(request: ApiRequest, sale_id: FromPath[str]) -> SaleShape:
        """One sale by its id."""
        try:
            known = UUID(sale_id)
        except ValueError:
            raise UnknownSale(sale_id) from None
        async with reading(db) as connection:
            found = await sale_by_id(connection, known)
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
