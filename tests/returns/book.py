"""One shop in memory, for the rules of money and returns: commands are decided in order and change the books."""

from datetime import UTC, datetime
from uuid import UUID

from msgspec import UNSET

from backend.ids import new_id, returned_id
from backend.model.answers import Code
from backend.model.books import Books, Effect, Request
from backend.model.commands import Command, SaleLine
from backend.model.decide import decide
from backend.model.documents import Document
from backend.model.returns import Condition, ReturnedBody, ReturnLine
from backend.model.stock import Key, StockRow, Who
from backend.model.tenders import Tender, TenderKind
from backend.model.verbs.return_sale import ReturnSale
from backend.model.verbs.sell import Sell
from backend.model.verbs.void_sale import VoidSale

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ANA = Who("ana", "T1")
STORE = "292"
SHELF, DAMAGED = Condition.SHELF, Condition.DAMAGED
CASH, CARD = TenderKind.CASH, TenderKind.CARD


def selling(*lines: SaleLine, tenders: tuple[Tender, ...] | None = None, store: str = STORE) -> Sell:
    return Sell(id=new_id(), store_id=store, lines=lines, tenders=UNSET if tenders is None else tenders)


def returning(
    sale: UUID,
    *lines: ReturnLine,
    refund: tuple[Tender, ...] = (),
    by: TenderKind | None = CASH,
    store: str = STORE,
) -> ReturnSale:
    return ReturnSale(id=new_id(), store_id=store, sale_id=sale, lines=lines, refund=refund, refund_by=by)


def voiding(sale: UUID, time_zone: str = "UTC", store: str = STORE) -> VoidSale:
    return VoidSale(
        id=new_id(), store_id=store, sale_id=sale, reason="rung up twice", approved_by="luis", time_zone=time_zone
    )


class Book:
    """The books, and the shortest ways to change and to read them."""

    def __init__(self, **on_hand: int) -> None:
        rows: dict[Key, StockRow] = {(STORE, p): StockRow(STORE, p, n, version=1) for p, n in on_hand.items()}
        self.books = Books(rows, {STORE}, {})
        self.refunded = 0

    def send(self, command: Command, at: datetime = NOW) -> Effect:
        """Decides the command and writes its effect down."""
        effect = decide(self.books, Request(command, ANA), at)
        for row in effect.answer.stock:
            self.books.stock[row.store_id, row.product_id] = row
        for document in effect.documents:
            self.books.documents[document.id] = document
        if effect.sale:
            self.books.sales[command.id] = effect.sale
        if effect.refund:
            self.refunded += sum(tender.amount_cents for tender in effect.refund.tenders)
        return effect

    def sold(self, *lines: SaleLine, tenders: tuple[Tender, ...] | None = None, at: datetime = NOW) -> UUID:
        """Makes a sale that must be accepted; returns its id."""
        command = selling(*lines, tenders=tenders)
        assert self.send(command, at).answer.accepted
        return command.id

    def code(self, command: Command, at: datetime = NOW) -> Code:
        """Sends a command that must be refused and has no effect; returns why."""
        effect = self.send(command, at)
        assert effect.answer.refusal is not None
        assert (effect.movements, effect.documents, effect.refund, effect.sale) == ((), (), None, None)
        return effect.answer.refusal.code

    def row(self, product_id: str = "tea") -> StockRow:
        return self.books.stock[STORE, product_id]

    def document(self, sale: UUID) -> Document:
        return self.books.documents[returned_id(sale)]

    def returned(self, sale: UUID) -> ReturnedBody:
        return self.document(sale).read(ReturnedBody)
