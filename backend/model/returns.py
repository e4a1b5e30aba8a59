"""What has come back of a sale: one document per sale, which the first return opens and every later one steps.

Its id is made from the sale's, so two first returns at once want to write the same document, and one of them is decided
again on what the other one wrote.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, structs

from backend.ids import returned_id

from .answers import Code, Refusal, ShortLine
from .books import Books, Sale
from .commands import MAX_LINES, Quantity
from .documents import Document, DocumentKind, Moved
from .money import due, money, paid
from .refusals import Refused, wrong_status
from .stock import Change
from .tenders import Tender, TenderKind


class Condition(StrEnum):
    """Where units that come back go."""

    SHELF = "shelf"
    """On hand, to be sold again."""
    DAMAGED = "damaged"
    """On hand and unavailable."""


class ReturnLine(Struct, frozen=True, forbid_unknown_fields=True):
    """Some units of a line of the receipt; lines count from 1."""

    line: Annotated[int, Meta(ge=1, le=MAX_LINES)]
    quantity: Quantity
    condition: Condition = Condition.SHELF


ReturnLines = Annotated[tuple[ReturnLine, ...], Meta(min_length=1, max_length=MAX_LINES)]


class ReturnedStatus(StrEnum):
    """How much of the sale has come back."""

    PARTLY = "partly_returned"
    WHOLLY = "returned"
    VOIDED = "voided"


class ReturnedLine(Struct, frozen=True):
    """A line of the receipt, and what has come back of it."""

    line: int
    product_id: str
    sold: int
    paid_cents: int
    """What all its units cost."""
    shelf: int = 0
    damaged: int = 0
    never_taken: int = 0
    """Of those on the shelf: units of a shortfall that was open, which no sale had taken from the stock."""

    @property
    def returned(self) -> int:
        """Units that came back."""
        return self.shelf + self.damaged

    def worth(self, units: int) -> int:
        """Returns what so many of its units have cost, in whole cents, never more."""
        return self.paid_cents * units // self.sold


class ReturnStep(Struct, frozen=True):
    """One return, or the void."""

    id: UUID
    lines: tuple[ReturnLine, ...]
    refund: tuple[Tender, ...]
    reason: str
    actor: str
    terminal_id: str
    at: datetime
    approved_by: str = ""


class ReturnedBody(Struct, frozen=True):
    """What has come back of a sale."""

    sale_id: UUID
    lines: tuple[ReturnedLine, ...]
    steps: tuple[ReturnStep, ...] = ()

    @property
    def refunded_cents(self) -> int:
        """What was given back in all."""
        return sum([paid(step.refund) for step in self.steps])


def _moved(document: Document) -> Iterable[Moved]:
    body, kind = document.read(ReturnedBody), "void" if document.status == ReturnedStatus.VOIDED else "return"
    shelf: Counter[str] = Counter()
    damaged: Counter[str] = Counter()
    for line in body.lines:
        shelf[line.product_id] += line.shelf - line.never_taken
        damaged[line.product_id] += line.damaged
    for product_id in shelf:
        change = Change(on_hand=shelf[product_id] + damaged[product_id], unavailable=damaged[product_id])
        yield Moved(kind, document.store_id, product_id, change)


RETURNED = DocumentKind("returned", ReturnedBody, moved=_moved, movements=("return", "void"))


def find_sale(books: Books, store_id: str, sale_id: UUID) -> Sale:
    """Returns the sale. Raises Refused if the store has made none with this id."""
    sale = books.sales.get(sale_id)
    # A sale of another store is as unknown as one that never was.
    if sale is None or sale.record.store_id != store_id:
        message = f"Store {store_id} has made no sale {sale_id}; check the receipt."
        raise Refused(Refusal(Code.UNKNOWN_SALE, message, field="sale_id"))
    return sale


def returned_of(books: Books, sale: Sale) -> tuple[Document | None, ReturnedBody]:
    """Returns the document of what has come back, None before the first return, and what it says.

    Raises Refused for a sale that was voided.
    """
    document = books.documents.get(returned_id(sale.record.id))
    if document is None:
        lines = [ReturnedLine(n, x.product_id, x.quantity, due(x)) for n, x in enumerate(sale.lines, 1)]
        return None, ReturnedBody(sale.record.id, tuple(lines))
    if document.kind != RETURNED.name or document.status == ReturnedStatus.VOIDED:
        raise Refused(wrong_status(document, "not voided"))
    return document, document.read(ReturnedBody)


def taken_back(lines: Iterable[ReturnedLine], coming: Iterable[ReturnLine]) -> tuple[ReturnedLine, ...]:
    """Returns the receipt's lines after units came back. Raises Refused for more than were sold and not returned."""
    after = {line.line: line for line in lines}
    asked: Counter[int] = Counter()
    lacking: dict[int, ShortLine] = {}
    for one in coming:
        line = after.get(one.line)
        if line is None:
            message = f"The receipt has no line {one.line}; its lines are 1 to {len(after)}."
            raise Refused(Refusal(Code.MORE_THAN_SOLD, message, field="lines"))
        asked[one.line] += one.quantity
        now_there = getattr(line, one.condition.value) + one.quantity
        after[one.line] = structs.replace(line, **{one.condition.value: now_there})
    for before in lines:
        if after[before.line].returned > before.sold:
            left = before.sold - before.returned
            lacking[before.line] = ShortLine(before.product_id, asked[before.line], left)
    if lacking:
        short = next(iter(lacking.values()))
        message = f"Only {short.available} units of {short.product_id} can still come back, not {short.requested}."
        raise Refused(Refusal(Code.MORE_THAN_SOLD, message, tuple(lacking.values()), field="lines"))
    return tuple(after.values())


def refund_of(most: int, refund: tuple[Tender, ...], by: TenderKind | None) -> tuple[Tender, ...]:
    """Returns the tenders to give back: all of `most` by one kind, or what was said, which is at most `most`."""
    if by is not None:
        if refund:
            message = "refund and refund_by are two ways to say one thing; send one of them."
            raise Refused(Refusal(Code.MONEY_MISMATCH, message, field="refund_by"))
        return (Tender(by, most),) if most else ()
    if any(tender.given_cents is not None for tender in refund):
        raise Refused(Refusal(Code.MONEY_MISMATCH, "A refund gives no change; leave given_cents out.", field="refund"))
    if (back := paid(refund)) > most:
        message = f"At most {money(most)} was paid for these units; {money(back)} cannot be given back."
        raise Refused(Refusal(Code.REFUND_TOO_HIGH, message, field="refund"))
    return refund


def came_back(before: Iterable[ReturnedLine], after: Iterable[ReturnedLine]) -> dict[str, Change]:
    """Returns the changes of stock by product between two states of the lines."""
    changes: dict[str, Change] = {}
    for was, now in zip(before, after, strict=True):
        if units := now.returned - was.returned - (now.never_taken - was.never_taken):
            change, damaged = changes.get(now.product_id, Change()), now.damaged - was.damaged
            changes[now.product_id] = change._replace(
                on_hand=change.on_hand + units, unavailable=change.unavailable + damaged
            )
    return changes


def status_of(lines: Iterable[ReturnedLine]) -> ReturnedStatus:
    """Returns the status of a sale of which these lines are left."""
    return ReturnedStatus.WHOLLY if all(x.returned == x.sold for x in lines) else ReturnedStatus.PARTLY
