"""Finding an order."""

from uuid import UUID

from backend.auth.tokens import Claims
from backend.database.engine import Database
from backend.database.reads import reading
from backend.documents.queries import document_by_id
from backend.model.documents import Document
from backend.model.errors import MostradorError
from backend.model.orders import KIND


class UnknownOrder(MostradorError):
    """No order has this id, or it is another store's and none of the caller's business."""

    code = "unknown_document"

    def __init__(self, order_id: UUID | str) -> None:
        super().__init__(f"There is no order {order_id}; it may belong to another store.", field="order_id")


async def order_of(db: Database, claims: Claims, order_id: UUID) -> Document:
    """Returns an order of one of the caller's stores. Raises UnknownOrder."""
    async with reading(db) as connection:
        document = await document_by_id(connection, KIND, order_id)
    if document is None or not claims.allows_store(document.store_id):
        raise UnknownOrder(order_id)
    return document
