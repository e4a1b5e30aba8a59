"""One store in memory, for the rules of shortfalls: facts, returns and what settles a case."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from msgspec import UNSET

from backend.ids import new_id, returned_id
from backend.model.answers import Answer, Code
from backend.model.books import Books, Effect, Request
from backend.model.commands import Command, Line, SaleLine
from backend.model.decide import decide
from backend.model.documents import Document
from backend.model.returns import Condition, ReturnedBody, ReturnLine
from backend.model.shortfalls import Offline, Outcome, ShortfallBody, ShortfallLine
from backend.model.stock import Key, StockRow, Who
from backend.model.tenders import TenderKind
from backend.model.verbs.receive import Receive
from backend.model.verbs.reserve import Reserve
from backend.model.verbs.return_sale import ReturnSale
from backend.model.verbs.sell import Sell
from backend.model.verbs.shortfall_settle import ShortfallSettle
from backend.model.verbs.void_sale import VoidSale

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(hours=2)
ANA, LUIS, MACHINE = Who("ana", "T1"), Who("luis", "T2"), Who("key:web")
STORE = "292"


def fact(
    *lines: SaleLine, holds: tuple[UUID, ...] = (), said: Offline | None = None, made_at: datetime | None = EARLIER
) -> Sell:
    """A sale that was made without a server."""
    return Sell(
        id=new_id(),
        store_id=STORE,
        lines=lines,
        holds=holds,
        made_at=made_at or UNSET,
        offline=said or Offline(sequence=1),
    )


def tea(units: int) -> SaleLine:
    return SaleLine("tea", units, 100)


def holding(units: int) -> Reserve:
    return Reserve(id=new_id(), store_id=STORE, lines=(Line("tea", units),), ttl_seconds=900)


def settling(
    case: UUID, outcome: Outcome, units: int | None = None, store: str = STORE, owner: str = ""
) -> ShortfallSettle:
    lines = None if units is None else (Line("tea", units),)
    return ShortfallSettle(
        id=new_id(), store_id=store, shortfall_id=case, outcome=outcome, reason="looked", lines=lines, owner=owner
    )


def receiving(units: int) -> Receive:
    return Receive(id=new_id(), store_id=STORE, lines=(Line("tea", units),))


def returning(sale: UUID, units: int, condition: Condition = Condition.SHELF, line: int = 1) -> ReturnSale:
    back = (ReturnLine(line, units, condition),)
    return ReturnSale(id=new_id(), store_id=STORE, sale_id=sale, lines=back, refund_by=TenderKind.CASH)


def voiding(sale: UUID) -> VoidSale:
    return VoidSale(id=new_id(), store_id=STORE, sale_id=sale, reason="rung up twice", approved_by="luis")


class Book:
    """The books, and the shortest ways to change and to read them."""

    def __init__(self, **on_hand: int) -> None:
        rows: dict[Key, StockRow] = {(STORE, p): StockRow(STORE, p, n, version=1) for p, n in on_hand.items()}
        self.books = Books(rows, {STORE, "304"}, {})

    def send(self, command: Command, who: Who = ANA) -> Effect:
        """Decides the command and writes its effect down."""
        effect = decide(self.books, Request(command, who), NOW)
        for row in effect.answer.stock:
            self.books.stock[row.store_id, row.product_id] = row
            assert row.available >= 0
        for hold in effect.reservations:
            self.books.reservations[hold.id] = hold
        for document in effect.documents:
            self.books.documents[document.id] = document
        if effect.sale:
            self.books.sales[command.id] = effect.sale
        return effect

    def accept(self, command: Command, who: Who = ANA) -> Answer:
        """Sends a command that must be accepted."""
        answer = self.send(command, who).answer
        assert answer.accepted, answer.refusal
        return answer

    def code(self, command: Command, who: Who = ANA) -> Code:
        """Sends a command that must be refused; returns why."""
        effect = self.send(command, who)
        assert effect.answer.refusal is not None
        assert (effect.movements, effect.sale) == ((), None)
        return effect.answer.refusal.code

    def row(self, product_id: str = "tea") -> StockRow:
        return self.books.stock[STORE, product_id]

    def case(self, sale: UUID) -> Document:
        return self.books.documents[sale]

    def body(self, sale: UUID) -> ShortfallBody:
        return self.case(sale).read(ShortfallBody)

    def line(self, sale: UUID) -> ShortfallLine:
        (line,) = self.body(sale).lines
        return line

    def returned(self, sale: UUID) -> ReturnedBody:
        return self.books.documents[returned_id(sale)].read(ReturnedBody)
