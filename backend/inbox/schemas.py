"""How the inbox shows what happened: what the terminal says, what the server has, and what came of it."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from backend.model.commands import SaleLine
from backend.model.conflicts import SettlingReason
from backend.model.documents import Document
from backend.model.refused_sales import RefusedBody
from backend.shortfalls.schemas import ShortfallShape, receipt_of


class ItemKind(StrEnum):
    """What an item is about."""

    SHORTFALL = "shortfall"
    """A sale was recorded, and units of it were not there."""
    REFUSED_SALE = "refused_sale"
    """A sale was not recorded."""


class ItemLineShape(Struct, frozen=True):
    """One product of an item, in units."""

    product_id: str
    mine: int
    """What the terminal sold."""
    server: int
    """What the server took from the stock for it."""
    open: int
    """The result: what a person still has to say something about."""


class ItemChoiceShape(Struct, frozen=True):
    """Something that can be done about an item, and what that does."""

    choice: str
    consequence: str
    possible: bool = True


class ItemShape(Struct, frozen=True, kw_only=True):
    """Something that a person has to look at. `resolve_at` is the address to which a choice is sent."""

    kind: ItemKind
    id: UUID
    """The sale's."""
    status: str
    receipt_number: str
    actor: str
    terminal_id: str
    sequence: int
    approved_by: str
    left_at: datetime
    created_at: datetime
    updated_at: datetime
    what: str
    """What happened, in a sentence."""
    code: str
    """Why: that of the refusal, or `insufficient_stock`."""
    lines: tuple[ItemLineShape, ...]
    choices: tuple[ItemChoiceShape, ...]
    resolve_at: str


class InboxShape(Struct, frozen=True):
    """A page of what is open in a store, latest change first."""

    store_id: str
    items: list[ItemShape]
    count: int


_SETTLING = {
    SettlingReason.RUNG_UP_AGAIN: "The same goods were sold again under another receipt. Nothing moves.",
    SettlingReason.GOODS_RETURNED: "The customer brought the goods back and has the money. Nothing moves.",
    SettlingReason.WRITTEN_OFF: "The goods are gone. Correct the stock with a count or an adjustment; this moves none.",
    SettlingReason.OTHER: "Something else was done; say what in the note. Nothing moves.",
}


def item_of_shortfall(case: ShortfallShape) -> ItemShape:
    """Returns a shortfall case as an item."""
    sold, short = sum(x.sold for x in case.lines), sum(x.short for x in case.lines)
    what = (
        f"Terminal {case.terminal_id} sold {sold} units without a server, and {short} of them were not there:"
        f" {sum(x.open for x in case.lines)} are open."
    )
    return ItemShape(
        kind=ItemKind.SHORTFALL,
        id=case.id,
        status=case.status,
        receipt_number=case.receipt_number,
        actor=case.actor,
        terminal_id=case.terminal_id,
        sequence=case.sequence,
        approved_by=case.approved_by,
        left_at=case.left_at,
        created_at=case.created_at,
        updated_at=case.updated_at,
        what=what,
        code="insufficient_stock",
        lines=tuple([ItemLineShape(x.product_id, x.sold, x.there, x.open) for x in case.lines]),
        choices=tuple([ItemChoiceShape(x.choice, x.consequence, x.possible) for x in case.choices]),
        resolve_at=f"/api/v1/shortfalls/{case.id}/resolve",
    )


def item_of_refusal(document: Document) -> ItemShape:
    """Returns a refused sale as an item."""
    body = document.read(RefusedBody)
    return ItemShape(
        kind=ItemKind.REFUSED_SALE,
        id=document.id,
        status=document.status,
        receipt_number=receipt_of(document),
        actor=document.actor,
        terminal_id=document.terminal_id,
        sequence=body.offline.sequence,
        approved_by=body.offline.approved_by,
        left_at=body.left_at,
        created_at=document.created_at,
        updated_at=document.updated_at,
        what=f"Terminal {document.terminal_id} sold goods without a server, and the sale was refused: {body.message}",
        code=body.code,
        lines=_lines(body.lines),
        choices=tuple([ItemChoiceShape(reason, consequence) for reason, consequence in _SETTLING.items()]),
        resolve_at="/api/v1/conflicts/settle",
    )


def _lines(lines: Iterable[SaleLine]) -> tuple[ItemLineShape, ...]:
    units: dict[str, int] = {}
    for line in lines:
        units[line.product_id] = units.get(line.product_id, 0) + line.quantity
    return tuple([ItemLineShape(product_id, n, 0, n) for product_id, n in units.items()])
