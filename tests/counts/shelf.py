"""A shop in memory whose shelf is modelled beside its books, for the rules of counting."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from msgspec import UNSET

from backend.ids import new_id
from backend.model.answers import Answer
from backend.model.books import Books, Effect, Request
from backend.model.commands import Command, Line, SaleLine
from backend.model.counts import CORRECTIONS, CountBody, How, LineBody, Tolerance, line_id
from backend.model.counts import Scope as What
from backend.model.decide import decide
from backend.model.documents import Document
from backend.model.stock import Move, StockRow, Who
from backend.model.verbs.adjust import Adjust
from backend.model.verbs.count_cancel import CountCancel
from backend.model.verbs.count_open import CountOpen
from backend.model.verbs.count_post import CountPost
from backend.model.verbs.count_scan import CountScan
from backend.model.verbs.receive import Receive
from backend.model.verbs.reserve import Reserve
from backend.model.verbs.sell import Sell

STORE = "292"
ANA, LUIS = Who("ana", "T1"), Who("luis", "T2")
MORNING = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
STRICT = Tolerance(units=100_000, per_cent=100)
"""Nothing is counted twice."""


def opening(*products: str, tolerance: Tolerance = STRICT, scope: What = What.CYCLE, store: str = STORE) -> CountOpen:
    return CountOpen(id=new_id(), store_id=store, scope=scope, products=products, tolerance=tolerance)


def scanning(
    count: UUID,
    units: int,
    product: str = "tea",
    how: How = How.ADD,
    as_of: int | None = None,
    at: datetime | None = None,
    store: str = STORE,
) -> CountScan:
    return CountScan(
        id=new_id(),
        store_id=store,
        count_id=count,
        product_id=product,
        units=units,
        how=how,
        as_of=as_of,
        counted_at=at,
    )


def posting(count: UUID, *products: str, by: str = "luis", finish: bool = True, store: str = STORE) -> CountPost:
    names = products or ("tea",)
    return CountPost(id=new_id(), store_id=store, count_id=count, products=names, finish=finish, approved_by=by)


def cancelling(count: UUID) -> CountCancel:
    return CountCancel(id=new_id(), store_id=STORE, count_id=count)


def selling(units: int, made_at: datetime | None = None, product: str = "tea", hold: UUID | None = None) -> Sell:
    return Sell(
        id=new_id(),
        store_id=STORE,
        lines=(SaleLine(product, units, 100),),
        holds=(hold,) if hold else (),
        made_at=UNSET if made_at is None else made_at,
    )


def receiving(units: int, product: str = "tea") -> Receive:
    return Receive(id=new_id(), store_id=STORE, lines=(Line(product, units),))


def reserving(units: int, product: str = "tea") -> Reserve:
    return Reserve(id=new_id(), store_id=STORE, lines=(Line(product, units),), ttl_seconds=900)


def adjusting(units: int, product: str = "tea") -> Adjust:
    return Adjust(id=new_id(), store_id=STORE, product_id=product, adjustment=units, reason="damage")


class Shop:
    """The books of a store, its clock, and every movement of its rows; each command is a minute after the last."""

    def __init__(self, tea: int = 10, jam: int = 5) -> None:
        self.books = Books({}, {STORE}, {}, moves={})
        self.now = MORNING
        for product, units in (("tea", tea), ("jam", jam)):
            self.books.stock[STORE, product] = StockRow(STORE, product)
            self.books.moves[STORE, product] = ()
            if units:
                self.send(receiving(units, product))

    def send(self, command: Command, who: Who = ANA) -> Effect:
        """Decides the command and writes its effect down."""
        self.now += timedelta(minutes=1)
        effect = decide(self.books, Request(command, who), self.now)
        for row in effect.answer.stock:
            self.books.stock[row.store_id, row.product_id] = row
        for hold in effect.reservations:
            self.books.reservations[hold.id] = hold
        for document in effect.documents:
            self.books.documents[document.id] = document
        made_at = effect.sale.made_at if effect.sale else effect.left_at
        for x in effect.movements:
            key = (x.store_id, x.product_id)
            move = Move(x.version, x.kind, x.on_hand_change, x.at, None if x.kind in CORRECTIONS else made_at)
            self.books.moves[key] = (*self.books.moves[key], move)
        return effect

    def accept(self, command: Command, who: Who = ANA) -> Answer:
        """Sends a command that must be accepted."""
        answer = self.send(command, who).answer
        assert answer.accepted, answer.refusal
        return answer

    def code(self, command: Command, who: Who = ANA) -> str:
        """Sends a command that must be refused; returns why."""
        effect = self.send(command, who)
        assert effect.answer.refusal is not None
        assert effect == Effect(Answer(command.id, effect.answer.refusal))
        return effect.answer.refusal.code

    def row(self, product: str = "tea") -> StockRow:
        return self.books.stock[STORE, product]

    def document(self, id_: UUID) -> Document:
        return self.books.documents[id_]

    def count(self, id_: UUID) -> CountBody:
        return self.document(id_).read(CountBody)

    def line(self, count: UUID, product: str = "tea") -> LineBody:
        return self.document(line_id(count, product)).read(LineBody)

    def line_status(self, count: UUID, product: str = "tea") -> str:
        return self.document(line_id(count, product)).status

    def counted(self, count: UUID, product: str = "tea") -> int:
        """Units that movements of kind `count` have corrected, by this count or another one."""
        assert self.document(count)
        return sum(x.on_hand_change for x in self.books.moves[STORE, product] if x.kind == "count")
