"""Approvals: a command that waits until a second person grants or refuses it.

The document of kind `approval` carries the command as data. It has the id of the approval, so it can be asked for or
be sent directly, never both; when it is granted it takes effect under the id of the grant.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from .answers import Code, Refusal
from .books import Books
from .commands import Cents, ProductId
from .documents import Document
from .limits import Limits, Size, exceeds
from .refusals import Refused, unknown_document, wrong_status
from .unit_price import PricePer, UnitPrice

KIND = "approval"
REQUESTED, GRANTED, REFUSED = "requested", "granted", "refused"
STATUSES = (REQUESTED, GRANTED, REFUSED)

Prices = Annotated[dict[ProductId, Cents], Meta(max_length=500)]
"""What a unit of each product costs, by which an approval is valued."""
PricesPer = Annotated[dict[ProductId, PricePer], Meta(max_length=500)]
"""How many units these prices are for, of those that are for more than one."""


class Approval(Struct, frozen=True):
    """The body of an approval. Who asked, and at which terminal, is the document's `actor` and `terminal_id`."""

    command: dict[str, Any]
    """What is to be done, as it would be sent without approval."""
    reason: str
    units: int
    """Units of all lines, whatever their sign."""
    value_cents: int
    """Those units at the prices of the catalogue when it was asked for."""
    prices: dict[str, int]
    decided_by: str = ""
    decided_at_terminal: str = ""
    decided_at: datetime | None = None
    note: str = ""
    """Why it was refused."""
    effect_id: UUID | None = None
    """The id of the command as which it took effect: that of the grant."""
    prices_per: dict[str, int] = {}
    """Units that these prices are for, where that is more than one."""


def unit_prices(cents: Mapping[str, int], per: Mapping[str, int]) -> dict[str, UnitPrice]:
    """Returns the prices of products that an approval is valued by."""
    return {product_id: UnitPrice(price, per.get(product_id, 1)) for product_id, price in cents.items()}


def requested(books: Books, store_id: str, approval_id: UUID) -> Document:
    """Returns the approval. Raises Refused if the store has none with this id, or if it is decided."""
    document = books.documents.get(approval_id)
    if document is None or document.kind != KIND or document.store_id != store_id:
        raise Refused(unknown_document(KIND, approval_id))
    if document.status != REQUESTED:
        raise Refused(wrong_status(document, REQUESTED))
    return document


def limit_refusal(store_id: str, size: Size, limits: Limits) -> Refusal | None:
    """Returns why a command of this size may not take effect without approval, or None."""
    if not exceeds(size, limits):
        return None
    told = []
    if limits.units is not None:
        told.append(f"{limits.units} units")
    if limits.value_cents is not None:
        told.append(f"{limits.value_cents / 100:.2f} in value")
    message = (
        f"{size.units} units worth {size.value_cents / 100:.2f} are above the limit of store"
        f" {store_id}, {' or '.join(told)}; ask for approval."
    )
    return Refusal(Code.APPROVAL_NEEDED, message, field="approval", limits=limits)
