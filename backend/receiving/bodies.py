"""What clients send about purchases and receipts."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from backend.http.invalid import InvalidBody
from backend.http.money import Price, cents
from backend.model.commands import MAX_LINES, Count, ProductId, Quantity, StoreId, Text
from backend.model.purchases import ExpectedLine, ItemCode, ReceivedLine, Supplier, UnknownItems

from .service import Scanned


class OrderedLine(Struct, frozen=True, forbid_unknown_fields=True):
    """Units of a product that are to come, at `unit_cost` each."""

    product_id: ProductId
    quantity: Quantity
    unit_cost: Price | None = None


class DeliveredLine(Struct, frozen=True, forbid_unknown_fields=True):
    """What came of a product, named by its id or by a code: a barcode, which may be a pack's, or a SKU.

    A code that the catalogue does not know is kept in the receipt as an unknown item.
    """

    product_id: ProductId | None = None
    code: ItemCode | None = None
    good: Count = 0
    damaged: Count = 0
    unit_cost: Price | None = None
    """Of one unit, also where the code is a pack's."""


DeliveredLines = Annotated[tuple[DeliveredLine, ...], Meta(max_length=MAX_LINES)]


class OpenPurchaseBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a supplier is to deliver: an order, or an advance notice."""

    id: UUID | None = None
    store_id: StoreId
    supplier: Supplier
    lines: Annotated[tuple[OrderedLine, ...], Meta(min_length=1, max_length=MAX_LINES)]
    reference: Text = ""
    expected_on: date | None = None
    note: Text = ""

    def expected(self) -> tuple[ExpectedLine, ...]:
        """Returns the lines in cents. Raises InvalidBody for a fraction of a cent."""
        return tuple(
            [ExpectedLine(x.product_id, x.quantity, _cost(index, x.unit_cost)) for index, x in enumerate(self.lines)]
        )


class _Delivery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: UUID | None = None
    lines: DeliveredLines = ()
    unknown: UnknownItems = ()
    reference: Text = ""
    note: Text = ""


class ReceivePurchaseBody(_Delivery, frozen=True, kw_only=True):
    """What came of a purchase. `reference` is the number of the delivery note."""


class ReceiptBody(_Delivery, frozen=True, kw_only=True):
    """Goods that nobody had announced."""

    store_id: StoreId
    supplier: Supplier


class EndPurchaseBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Why nothing more will come, if that is known."""

    id: UUID | None = None
    reason: Text = ""


def by_name(lines: Sequence[DeliveredLine]) -> tuple[list[ReceivedLine], list[Scanned]]:
    """Returns the lines that name a product by its id, and those that name it by a code."""
    known, coded = [], []
    for index, line in enumerate(lines):
        cost = _cost(index, line.unit_cost)
        if (line.product_id is None) == (line.code is None):
            field = f"lines[{index}].product_id"
            raise InvalidBody(field, f"{field} or code must be sent, and not both.")
        if line.product_id is not None:
            known.append(ReceivedLine(line.product_id, line.good, line.damaged, cost))
        elif line.code is not None:
            coded.append(Scanned(line.code, line.good, line.damaged, cost))
    return known, coded


def _cost(index: int, cost: float | None) -> int | None:
    return None if cost is None else cents(f"lines[{index}].unit_cost", cost)
