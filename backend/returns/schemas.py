"""How answers show what has come back."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from backend.model.documents import Document
from backend.model.returns import Condition, ReturnedBody, ReturnedStatus, ReturnLine, ReturnStep
from backend.model.stock import StockRow
from backend.model.verbs.return_goods import GoodsReturnBody
from backend.sales.tenders import TenderShape
from backend.stock.schemas import CountersShape


class ReturnedLineShape(Struct, frozen=True):
    """A line of the receipt; `left` units can still come back."""

    line: int
    product_id: str
    sold: int
    shelf: int
    damaged: int
    left: int
    paid: float


class ReturnStepShape(Struct, frozen=True):
    """One return of the sale, or its void; `approved_by` is empty where nobody had to approve."""

    id: UUID
    lines: tuple[ReturnLine, ...]
    refund: tuple[TenderShape, ...]
    reason: str
    actor: str
    terminal_id: str
    approved_by: str
    returned_at: datetime

    @classmethod
    def of(cls, step: ReturnStep) -> "ReturnStepShape":
        """Returns `step` as the wire shows it."""
        refund = tuple(map(TenderShape.of, step.refund))
        by = (step.actor, step.terminal_id, step.approved_by, step.at)
        return cls(step.id, step.lines, refund, step.reason, *by)


class ReturnedShape(Struct, frozen=True, kw_only=True):
    """What has come back of a sale, and every step of it, oldest first."""

    sale_id: UUID
    store_id: str
    receipt_number: str
    status: ReturnedStatus
    refunded: float
    lines: tuple[ReturnedLineShape, ...]
    steps: tuple[ReturnStepShape, ...]
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, document: Document) -> "ReturnedShape":
        """Returns a document of kind `returned` as the wire shows it."""
        body = document.read(ReturnedBody)
        return cls(
            sale_id=body.sale_id,
            store_id=document.store_id,
            receipt_number=document.reference,
            status=ReturnedStatus(document.status),
            refunded=body.refunded_cents / 100,
            lines=tuple(
                [
                    ReturnedLineShape(
                        x.line, x.product_id, x.sold, x.shelf, x.damaged, x.sold - x.returned, x.paid_cents / 100
                    )
                    for x in body.lines
                ]
            ),
            steps=tuple(map(ReturnStepShape.of, body.steps)),
            updated_at=document.updated_at,
            version=document.version,
        )


class NewReturnShape(Struct, frozen=True):
    """A return that was just made: its refund, all that has come back of the sale, and the stock it left."""

    id: UUID
    refund: tuple[TenderShape, ...]
    sale: ReturnedShape
    stock: tuple[CountersShape, ...]

    @classmethod
    def of(cls, command_id: UUID, document: Document, stock: tuple[StockRow, ...]) -> "NewReturnShape":
        """Returns the step of this command as the wire shows it."""
        sale = ReturnedShape.of(document)
        step = next(step for step in sale.steps if step.id == command_id)
        return cls(command_id, step.refund, sale, tuple(map(CountersShape.of, stock)))


class GoodsLineShape(Struct, frozen=True, omit_defaults=True):
    """Units that came back without a receipt, and what one of them, or `price_per`, were taken to have cost."""

    product_id: str
    quantity: int
    unit_price: float
    condition: Condition
    price_per: int = 1


class GoodsReturnShape(Struct, frozen=True, kw_only=True):
    """Goods that came back without a receipt, and who approved it."""

    id: UUID
    store_id: str
    lines: tuple[GoodsLineShape, ...]
    refund: tuple[TenderShape, ...]
    reason: str
    actor: str
    terminal_id: str
    approved_by: str
    returned_at: datetime

    @classmethod
    def of(cls, document: Document) -> "GoodsReturnShape":
        """Returns a document of kind `goods_return` as the wire shows it."""
        body = document.read(GoodsReturnBody)
        lines = [
            GoodsLineShape(x.product_id, x.quantity, x.price_cents / 100, x.condition, x.price_per or 1)
            for x in body.lines
        ]
        return cls(
            id=document.id,
            store_id=document.store_id,
            lines=tuple(lines),
            refund=tuple(map(TenderShape.of, body.refund)),
            reason=body.reason,
            actor=document.actor,
            terminal_id=document.terminal_id,
            approved_by=body.approved_by,
            returned_at=document.created_at,
        )


class ReturnsShape(Struct, frozen=True):
    """A page of the sales of a store of which something came back, latest change first."""

    store_id: str
    returns: list[ReturnedShape]


class GoodsReturnsShape(Struct, frozen=True):
    """A page of what came back to a store without a receipt, latest first."""

    store_id: str
    returns: list[GoodsReturnShape]
