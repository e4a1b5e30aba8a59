"""Return without a receipt: a supervisor approves what comes back and what is given for it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from backend.model.answers import Answer
from backend.model.books import Books, Effect, Refund
from backend.model.commands import MAX_LINES, Cents, Command, ProductId, Quantity, Reason, Text
from backend.model.documents import Document, DocumentKind, Moved, opened
from backend.model.posting import Cause, post
from backend.model.returns import Condition, refund_of
from backend.model.scopes import Scope
from backend.model.stock import Change, Who
from backend.model.tenders import Tender, TenderKind, Tenders
from backend.model.unit_price import PricePer, UnitPrice

from .verb import Documents, MovementKind, Rows, Sign, Verb


class GoodsLine(Struct, frozen=True, forbid_unknown_fields=True):
    """Some units that come back, and what one of them, or `price_per` of them, are taken to have cost."""

    product_id: ProductId
    quantity: Quantity
    price_cents: Cents
    condition: Condition = Condition.SHELF
    price_per: PricePer | UnsetType = UNSET
    """Left out of the JSON when unset, which is 1: a fingerprint of a server of an older release is without it."""


class ReturnGoods(Command, frozen=True, kw_only=True, tag="return_goods"):
    """Goods come back without a receipt. The server makes the command once a supervisor has approved it."""

    lines: Annotated[tuple[GoodsLine, ...], Meta(min_length=1, max_length=MAX_LINES)]
    approved_by: Text = ""
    reason: Reason
    refund: Tenders = ()
    refund_by: TenderKind | None = None


class GoodsReturnBody(Struct, frozen=True):
    """What came back without a receipt, and who approved it."""

    lines: tuple[GoodsLine, ...]
    refund: tuple[Tender, ...]
    reason: str
    approved_by: str


def _changes(lines: Iterable[GoodsLine]) -> dict[str, Change]:
    units: Counter[str] = Counter()
    damaged: Counter[str] = Counter()
    for line in lines:
        units[line.product_id] += line.quantity
        damaged[line.product_id] += line.quantity if line.condition is Condition.DAMAGED else 0
    return {product_id: Change(on_hand=n, unavailable=damaged[product_id]) for product_id, n in units.items()}


def _moved(document: Document) -> Iterable[Moved]:
    for product_id, change in _changes(document.read(GoodsReturnBody).lines).items():
        yield Moved(GOODS.name, document.store_id, product_id, change)


def _rows(command: ReturnGoods, _: Documents, rows: Rows) -> None:
    rows.stock.update((command.store_id, line.product_id) for line in command.lines)


def _decide(books: Books, command: ReturnGoods, who: Who, now: datetime) -> Effect:
    worth = sum([UnitPrice(x.price_cents, x.price_per or 1).of(x.quantity) for x in command.lines])
    refund = refund_of(worth, command.refund, command.refund_by)
    body = GoodsReturnBody(command.lines, refund, command.reason, command.approved_by)
    document = opened(command.id, command.store_id, GOODS_RETURN.name, "returned", body, who, now)
    cause = Cause(GOODS.name, command.id, who, now, str(command.id), command.reason)
    posted = post(books, command.store_id, _changes(command.lines), cause)
    answer = Answer(command.id, stock=posted.rows, at=now, documents=(document,))
    return Effect(answer, posted.movements, refund=Refund(None, refund))


def _measure(command: ReturnGoods, _: Books) -> Mapping[str, int]:
    return {p: change.on_hand for p, change in _changes(command.lines).items()}


def _approved(command: ReturnGoods, approver: str, _: str) -> ReturnGoods:
    return structs.replace(command, approved_by=approver)


GOODS = MovementKind("return_goods", {"on_hand": Sign.MORE, "unavailable": Sign.MORE}, event="movement")
GOODS_RETURN = DocumentKind("goods_return", GoodsReturnBody, moved=_moved, movements=(GOODS.name,))
VERB = Verb(
    command=ReturnGoods,
    decide=_decide,
    rows=_rows,
    movements=(GOODS,),
    opens=(GOODS_RETURN,),
    measure=_measure,
    approver=Scope.RETURNS_APPROVE,
    approved=_approved,
)
