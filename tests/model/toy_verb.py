"""Two verbs that no shop needs, written as docs/architecture.md says: units are lent, and brought back."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from unittest.mock import patch
from uuid import UUID

from msgspec import Struct

from backend.model import verbs
from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, ProductId, Quantity
from backend.model.documents import Document, DocumentKind, Promise, opened, stepped
from backend.model.posting import Cause, post
from backend.model.refusals import Refused, unknown_document, wrong_status
from backend.model.scopes import Scope
from backend.model.stock import Change, Who
from backend.model.verbs.verb import Documents, MovementKind, Rows, Sign, Verb


class Lend(Command, frozen=True, tag="lend"):
    """Set units aside for somebody."""

    product_id: ProductId
    quantity: Quantity


class BringBack(Command, frozen=True, tag="bring_back"):
    """What was lent is there again."""

    loan_id: UUID


class Loan(Struct, frozen=True):
    """The body of a loan."""

    product_id: str
    quantity: int


def _promises(document: Document) -> Iterable[Promise]:
    loan = document.read(Loan)
    if document.status == "open":
        yield Promise(document.store_id, loan.product_id, allocated=loan.quantity)


def _lend(books: Books, command: Lend, who: Who, now: datetime) -> Effect:
    changes = {command.product_id: Change(allocated=command.quantity)}
    cause = Cause("lend", command.id, who, now, document_id=str(command.id))
    posted = post(books, command.store_id, changes, cause, {command.product_id: command.quantity})
    loan = opened(command.id, command.store_id, "loan", "open", Loan(command.product_id, command.quantity), who, now)
    return Effect(Answer(command.id, stock=posted.rows, at=now, documents=(loan,)), posted.movements)


def _loan_rows(command: BringBack, documents: Documents, rows: Rows) -> None:
    if document := documents.get(command.loan_id):
        rows.stock.add((document.store_id, document.read(Loan).product_id))


def _bring_back(books: Books, command: BringBack, who: Who, now: datetime) -> Effect:
    document = books.documents.get(command.loan_id)
    if document is None or document.store_id != command.store_id:
        raise Refused(unknown_document("loan", command.loan_id))
    if document.status != "open":
        raise Refused(wrong_status(document, "open"))
    loan = document.read(Loan)
    cause = Cause("bring_back", command.id, who, now, document_id=str(document.id))
    posted = post(books, command.store_id, {loan.product_id: Change(allocated=-loan.quantity)}, cause)
    over = stepped(document, now, status="closed")
    return Effect(Answer(command.id, stock=posted.rows, at=now, documents=(over,)), posted.movements)


LEND = Verb(
    command=Lend,
    decide=_lend,
    rows=lambda command, _, rows: rows.stock.add((command.store_id, command.product_id)),
    movements=(MovementKind("lend", {"allocated": Sign.MORE}, event="movement"),),
    scope=Scope.STOCK_WRITE,
    opens=(DocumentKind("loan", Loan, _promises),),
)
BRING_BACK = Verb(
    command=BringBack,
    decide=_bring_back,
    rows=_loan_rows,
    documents=lambda command: (command.loan_id,),
    movements=(MovementKind("bring_back", {"allocated": Sign.LESS}, event="movement"),),
    scope=Scope.STOCK_WRITE,
)


@contextmanager
def toy_verbs() -> Iterator[None]:
    """Registers both verbs, and forgets them at the end of the block."""
    with patch.dict(verbs.VERBS), patch.dict(verbs.MOVEMENT_KINDS), patch.dict(verbs.DOCUMENT_KINDS):
        verbs.register(LEND)
        verbs.register(BRING_BACK)
        yield
