"""Orders: units promised to a customer without a deadline, and handed over in one or several parts.

A line's units are allocated when the order is opened, or when it is handed over: a backorder line waits for goods.
"""

from collections.abc import Iterable
from uuid import UUID

from msgspec import Struct

from .books import Books
from .documents import Document, Promise
from .refusals import Refused, unknown_document, wrong_status

KIND = "order"
OPEN, PART_FULFILLED, FULFILLED, CANCELLED = "open", "part_fulfilled", "fulfilled", "cancelled"
STATUSES = (OPEN, PART_FULFILLED, FULFILLED, CANCELLED)
LIVE = (OPEN, PART_FULFILLED)


class OrderLine(Struct, frozen=True):
    """One product of an order; what is neither allocated nor fulfilled is on backorder."""

    product_id: str
    quantity: int
    allocated: int
    fulfilled: int = 0

    @property
    def left(self) -> int:
        """Units that are still to be handed over."""
        return self.quantity - self.fulfilled


class Order(Struct, frozen=True):
    """The body of an order."""

    customer_id: str
    lines: tuple[OrderLine, ...]


def promises(document: Document) -> Iterable[Promise]:
    """Returns the units that are allocated to an order."""
    for line in document.read(Order).lines:
        if line.allocated:
            yield Promise(document.store_id, line.product_id, allocated=line.allocated)


def live(books: Books, store_id: str, order_id: UUID) -> Document:
    """Returns the order. Raises Refused if the store has none with this id, or if it is fulfilled or cancelled."""
    document = books.documents.get(order_id)
    if document is None or document.kind != KIND or document.store_id != store_id:
        raise Refused(unknown_document(KIND, order_id))
    if document.status not in LIVE:
        raise Refused(wrong_status(document, " or ".join(LIVE)))
    return document
