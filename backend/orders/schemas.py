"""How answers show orders."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from backend.model.documents import Document
from backend.model.orders import Order


class OrderLineShape(Struct, frozen=True):
    """A line of an order; `backordered` units wait for goods."""

    product_id: str
    quantity: int
    allocated: int
    fulfilled: int
    backordered: int


class OrderShape(Struct, frozen=True):
    """An order."""

    id: UUID
    store_id: str
    status: str
    customer_id: str
    reference: str
    lines: list[OrderLineShape]
    created_by: str
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, document: Document) -> "OrderShape":
        """Returns `document` as the wire shows it."""
        order, live = document.read(Order), document.status != "cancelled"
        lines = [
            OrderLineShape(x.product_id, x.quantity, x.allocated, x.fulfilled, (x.left - x.allocated) * live)
            for x in order.lines
        ]
        return cls(
            id=document.id,
            store_id=document.store_id,
            status=document.status,
            customer_id=order.customer_id,
            reference=document.reference,
            lines=lines,
            created_by=document.actor,
            created_at=document.created_at,
            updated_at=document.updated_at,
            version=document.version,
        )


class OrdersShape(Struct, frozen=True):
    """A page of a store's orders, latest change first."""

    store_id: str
    orders: list[OrderShape]
