"""Selling: goods leave the store for good, in one all-or-nothing command."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta, Struct

from backend.auth.roles import Scope
from backend.ledger import Ledger
from backend.model.commands import MAX_LINES, ProductId, Quantity, SaleLine, Sell, StoreId

from .commanding import command_id, settle
from .invalid import InvalidBody
from .request import ApiRequest
from .shapes import SaleShape

_MAX_PRICE = Decimal(1_000_000)


class SoldLine(Struct, frozen=True, forbid_unknown_fields=True):
    """Some units of one product at `unit_price`, a JSON number with at most two decimals."""

    product_id: ProductId
    quantity: Quantity
    unit_price: Decimal

    def priced(self, index: int) -> SaleLine:
        """The line in cents. Raises InvalidBody for a price that no till can charge."""
        price = self.unit_price
        if not price.is_finite() or not 0 <= price <= _MAX_PRICE or price != round(price, 2):
            field = f"lines[{index}].unit_price"
            raise InvalidBody(field, f"{field} must be from 0 to {_MAX_PRICE} with at most two decimals.")
        return SaleLine(self.product_id, self.quantity, int(price * 100))


class SellBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A basket. The `holds` named are ended and their units serve this sale first."""

    store_id: StoreId
    lines: Annotated[tuple[SoldLine, ...], Meta(min_length=1, max_length=MAX_LINES)]
    id: UUID | None = None
    holds: Annotated[tuple[UUID, ...], Meta(max_length=MAX_LINES)] = ()
    receipt_number: Annotated[str, Meta(max_length=40, pattern=r"^[A-Za-z0-9/_-]*$(?!\n)")] = ""


def sales_routes(ledger: Ledger) -> list[HTTPRouteHandler]:
    """POST /sales."""

    @post("/sales", scope=Scope.SALES_WRITE)
    async def sell(request: ApiRequest, data: JSONBody[SellBody]) -> SaleShape:
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
        return SaleShape.of(answer.sale, lines, answer.stock)

    return [sell]
