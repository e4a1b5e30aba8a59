"""A shop of two stores in memory, for rules: commands are decided one after the other and change the books."""

from datetime import UTC, datetime
from uuid import UUID

from backend.ids import new_id
from backend.model.answers import Answer, Code, Refusal
from backend.model.books import Books, Effect, Request
from backend.model.commands import Command, Line
from backend.model.decide import decide
from backend.model.discrepancies import CaseBody, CaseOutcome
from backend.model.documents import Document
from backend.model.stock import StockRow, Who
from backend.model.transfers import TransferBody, TransferLine
from backend.model.verbs.transfer_cancel import InFlight, TransferCancel
from backend.model.verbs.transfer_close import TransferClose
from backend.model.verbs.transfer_open import TransferOpen
from backend.model.verbs.transfer_pack import TransferPack
from backend.model.verbs.transfer_receive import TransferReceiptLine, TransferReceive
from backend.model.verbs.transfer_settle import TransferSettle
from backend.model.verbs.transfer_ship import TransferShip

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LUIS = Who("luis", "T1")
HERE, THERE = "292", "304"


def lines(units: dict[str, int]) -> tuple[Line, ...]:
    return tuple(Line(product_id, n) for product_id, n in units.items())


def opening(by: str = HERE, source: str = HERE, to: str = THERE, **units: int) -> TransferOpen:
    return asking(units, by, source, to)


def asking(units: dict[str, int], by: str = HERE, source: str = HERE, to: str = THERE) -> TransferOpen:
    return TransferOpen(id=new_id(), store_id=by, from_store_id=source, to_store_id=to, lines=lines(units))


def packing(transfer: UUID, by: str = HERE, **units: int) -> TransferPack:
    return TransferPack(id=new_id(), store_id=by, transfer_id=transfer, lines=lines(units) if units else None)


def shipping(transfer: UUID, by: str = HERE) -> TransferShip:
    return TransferShip(id=new_id(), store_id=by, transfer_id=transfer, reference="A-17")


def receiving(
    transfer: UUID, product_id: str = "tea", good: int = 0, damaged: int = 0, missing: int = 0, by: str = THERE
) -> TransferReceive:
    line = TransferReceiptLine(product_id, good, damaged, missing)
    return TransferReceive(id=new_id(), store_id=by, transfer_id=transfer, lines=(line,))


def closing(transfer: UUID, by: str = THERE) -> TransferClose:
    return TransferClose(id=new_id(), store_id=by, transfer_id=transfer, reason="the van is empty")


def cancelling(transfer: UUID, in_flight: InFlight | None = None, by: str = HERE) -> TransferCancel:
    return TransferCancel(id=new_id(), store_id=by, transfer_id=transfer, reason="not needed", in_flight=in_flight)


def settling(case: UUID, transfer: UUID, outcome: CaseOutcome, by: str, **units: int) -> TransferSettle:
    return TransferSettle(
        id=new_id(),
        store_id=by,
        discrepancy_id=case,
        transfer_id=transfer,
        outcome=outcome,
        reason="looked again",
        lines=lines(units) if units else None,
    )


class Book:
    """The books, and the shortest ways to change and to read them."""

    def __init__(self, tea: int = 10, jam: int = 4) -> None:
        rows = [StockRow(store_id, p) for store_id in (HERE, THERE) for p in ("tea", "jam")]
        self.books = Books({(row.store_id, row.product_id): row for row in rows}, {HERE, THERE}, {})
        self.books.stock[HERE, "tea"] = StockRow(HERE, "tea", tea, version=1)
        self.books.stock[HERE, "jam"] = StockRow(HERE, "jam", jam, version=1)

    def send(self, command: Command, who: Who = LUIS, at: datetime = NOW) -> Effect:
        """Decides the command and writes its effect down."""
        effect = decide(self.books, Request(command, who), at)
        for row in effect.answer.stock:
            self.books.stock[row.store_id, row.product_id] = row
        for hold in effect.reservations:
            self.books.reservations[hold.id] = hold
        for document in effect.documents:
            self.books.documents[document.id] = document
        return effect

    def refused(self, command: Command) -> Refusal:
        """Sends a command that must be refused; such a one has no effect."""
        effect = self.send(command)
        assert effect.answer.refusal is not None
        assert effect.answer == Answer(command.id, effect.answer.refusal)
        assert not effect.movements
        return effect.answer.refusal

    def code(self, command: Command) -> Code:
        """Returns why the command is refused."""
        return self.refused(command).code

    def shipped(self, **units: int) -> UUID:
        """Opens, packs and ships a transfer; returns its id."""
        command = asking(units)
        for step in (command, packing(command.id), shipping(command.id)):
            assert self.send(step).answer.accepted
        return command.id

    def row(self, store_id: str, product_id: str = "tea") -> StockRow:
        return self.books.stock[store_id, product_id]

    def document(self, document_id: UUID) -> Document:
        return self.books.documents[document_id]

    def status(self, document_id: UUID) -> str:
        return self.document(document_id).status

    def line(self, transfer_id: UUID, product_id: str = "tea") -> TransferLine:
        body = self.document(transfer_id).read(TransferBody)
        return next(line for line in body.lines if line.product_id == product_id)

    def case(self, case_id: UUID) -> CaseBody:
        return self.document(case_id).read(CaseBody)
