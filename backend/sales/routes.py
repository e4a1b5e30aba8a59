"""Selling: goods leave the store for good, in one all-or-nothing command; and what was sold."""

from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.commanding import command_id, settle
from backend.http.declaring import COMMAND
from backend.http.errors import UnknownSale
from backend.http.ids import id_or
from backend.http.moments import NEWEST, OLDEST, moment
from backend.http.money import Price, cents
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.rates import SIGN_IN
from backend.http.request import ApiRequest
from backend.ledger.lanes import Ledger
from backend.model.commands import MAX_LINES, LinePricing, ProductId, Quantity, Reason, SaleLine, StoreId, Tax, Text
from backend.model.scopes import Scope
from backend.model.unit_price import PricePer
from backend.model.verbs.sell import Sell
from backend.model.verbs.void_sale import VoidSale
from backend.people.approving import APPROVED, SpotApproval, approver_of
from backend.people.door import Door
from backend.shop.queries import find_shop
from backend.stores.queries import require_store

from .pricing import Pricing
from .queries import SaleKey, sale_by_id, sale_by_receipt, sales_of
from .schemas import NewSaleShape, SaleShape
from .tenders import TenderBodies, tenders_of


class TaxBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The tax of a whole line; `rate` is in percent. Unless it is `included` in the price, it is added to it."""

    rate: Annotated[float, Meta(ge=0, le=100)]
    amount: Price
    included: bool = True


class SoldLine(Struct, frozen=True, forbid_unknown_fields=True):
    """Some units of one product at `unit_price` for `price_per` of them, and how that price came about."""

    product_id: ProductId
    quantity: Quantity
    unit_price: Price
    list_price: Price | None = None
    discount_reason: Text = ""
    tax: TaxBody | None = None
    price_per: PricePer = 1

    def priced(self, index: int) -> SaleLine:
        """Returns the line in cents. Raises InvalidBody for a price that no terminal can charge."""
        place = f"lines[{index}]"
        price = cents(f"{place}.unit_price", self.unit_price)
        per = UNSET if self.price_per == 1 else self.price_per
        if self.list_price is None and not self.discount_reason and self.tax is None:
            return SaleLine(self.product_id, self.quantity, price, price_per=per)
        asked = None if self.list_price is None else cents(f"{place}.list_price", self.list_price)
        tax = None
        if (said := self.tax) is not None:
            rate, amount = cents(f"{place}.tax.rate", said.rate), cents(f"{place}.tax.amount", said.amount)
            tax = Tax(rate, amount, said.included)
        return SaleLine(self.product_id, self.quantity, price, LinePricing(asked, self.discount_reason, tax), per)


class SellBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A basket. The `holds` named are ended and their units serve this sale first.

    `price_reason` says why a line has another price than the catalogue's, `tenders` what the sale was paid with.
    """

    store_id: StoreId
    lines: Annotated[tuple[SoldLine, ...], Meta(min_length=1, max_length=MAX_LINES)]
    id: UUID | None = None
    holds: Annotated[tuple[UUID, ...], Meta(max_length=MAX_LINES)] = ()
    receipt_number: Annotated[str, Meta(max_length=40, pattern=r"^[A-Za-z0-9/_-]*$(?!\n)")] = ""
    price_reason: Reason | UnsetType = UNSET
    tenders: TenderBodies | None = None
    made_at: Annotated[datetime, Meta(tz=True)] | UnsetType = UNSET
    """When it was made, for one that is told later; counts made in between take it into account."""


class VoidBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Why the sale is voided, and who approves it where the caller may not."""

    reason: Reason
    approval: SpotApproval | None = None
    id: UUID | None = None


class SalesShape(Struct, frozen=True):
    """A page of the sales of a store, latest first."""

    store_id: str
    sales: list[SaleShape]


def sales_routes(db: Database, ledger: Ledger, pricing: Pricing, door: Door) -> list[HTTPRouteHandler]:
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
            "money_mismatch",
        ),
    )
    async def sell(request: ApiRequest, data: JSONBody[SellBody]) -> NewSaleShape:
        """Sell a basket. The sale's id is the command's id."""
        lines = tuple(line.priced(index) for index, line in enumerate(data.lines))
        tenders = None if data.tenders is None else tenders_of("tenders", data.tenders)
        command = Sell(
            id=command_id(request, data.id),
            store_id=data.store_id,
            lines=lines,
            holds=data.holds,
            receipt_number=data.receipt_number,
            price_reason=data.price_reason,
            tenders=UNSET if tenders is None else tenders,
            made_at=data.made_at,
        )
        objections = await pricing.objections({0: command}, request.auth, "unit_price")
        answer = await settle(ledger, command, request.auth, objections.get(0))
        assert answer.sale is not None  # an accepted sale has its record
        return NewSaleShape.of(answer.sale, lines, answer.stock, tenders or ())

    @get("/sales", scope=Scope.SALES_READ, problems=("store_not_allowed", "unknown_store"))
    async def sales(
        request: ApiRequest,
        store_id: Annotated[str, QueryParameter(max_length=32)],
        since: FromQuery[datetime | None] = None,
        until: FromQuery[datetime | None] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[SalesShape]:
        """Returns the sales of a store, latest first, from `since` on and before `until`."""
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
        """Returns one sale by its id."""
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
        """Returns one sale by the number on its receipt, which may have slashes in it."""
        request.auth.require_store(store_id)
        number = receipt_number.as_posix().removeprefix("/")
        async with reading(db) as connection:
            found = await sale_by_receipt(connection, store_id, number)
        if found is None:
            raise UnknownSale(number, "receipt_number")
        return SaleShape.of(found)

    @post(
        "/sales/{sale_id:str}/void",
        scope=Scope.RETURNS_WRITE,
        problems=(*COMMAND, *APPROVED, "unknown_sale", "wrong_status", "sale_returned", "void_too_late"),
        rate=SIGN_IN,
        status_code=200,
    )
    async def void(request: ApiRequest, sale_id: FromPath[str], data: JSONBody[VoidBody]) -> SaleShape:
        """Take a whole sale back on its own day, by approval: its units to the shelf, all its tenders returned."""
        id_, wanted = command_id(request, data.id), id_or(UnknownSale, sale_id)
        async with reading(db) as connection:
            before = await sale_by_id(connection, wanted)
            shop = await find_shop(connection)
        if before is None or not request.auth.allows_store(before.store_id):
            raise UnknownSale(sale_id)
        scope = Scope.RETURNS_APPROVE
        approved_by = await approver_of(request, door, before.store_id, scope, data.approval)
        command = VoidSale(
            id=id_,
            store_id=before.store_id,
            sale_id=before.id,
            reason=data.reason,
            approved_by=approved_by,
            time_zone=shop.time_zone if shop else "UTC",
        )
        answer = await settle(ledger, command, request.auth)
        return SaleShape.of(structs.replace(before, returned=answer.documents[0]))

    return [sell, sales, sale, by_receipt, void]
