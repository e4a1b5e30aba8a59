"""Selling: goods leave the store for good, in one all-or-nothing command."""

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
from .money import Price, cents
from .request import ApiRequest
from .shapes import SaleShape


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
