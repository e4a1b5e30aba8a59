"""Shortfalls: units of a sale made without a server that were not there when the ledger was told of it.

The goods have left the store, so such a sale is a fact and is not refused for want of stock. Its movement takes what is
available, never more; the rest is a case, a document with the id of the sale, until a person has said what became of
it. For every sale, the units of its lines are those that were moved, those that are open, and those that were settled.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, structs

from .answers import Code, Refusal, ShortLine
from .books import Books
from .commands import SaleLine, Text
from .documents import Document, DocumentKind, Moved, opened, stepped
from .posting import Cause
from .refusals import Refused, unknown_document
from .returns import ReturnedLine, ReturnLine
from .steps import DocumentStep, step_of
from .stock import Change, Who

TAKEN, FOUND = "shortfall", "shortfall_found"
"""The kinds of movement that settle a case: its units leave the stock, and were found to be in the store before."""


class Offline(Struct, frozen=True, forbid_unknown_fields=True):
    """What a terminal says of a sale that it made without a server."""

    sequence: Annotated[int, Meta(ge=1, le=2**53)]
    """The place of the sale among the acts of its terminal."""
    guaranteed: bool = False
    """Whether the terminal's allotments covered all of its units."""
    approved_by: Text = ""
    """Who approved at the terminal what went beyond them."""


class ShortfallStatus(StrEnum):
    """Whether somebody still has to say what becomes of the units."""

    OPEN = "open"
    WAITING = "waiting"
    """For goods that are to come: a receipt, or a transfer."""
    SETTLED = "settled"


LIVE = (ShortfallStatus.OPEN, ShortfallStatus.WAITING)


class Outcome(StrEnum):
    """What is done about units that were short."""

    TAKE = "take"
    """They are taken from what is available now."""
    BACKORDER = "backorder"
    """They wait for goods, and somebody answers for it."""
    ADJUST = "adjust"
    """They had been in the store without the books knowing: found, and sold."""
    REFUND = "refund"
    """The customer brings them back; they were never taken from the stock, so they do not go on hand."""
    DISMISS = "dismiss"
    """The books are right without them."""


class ShortfallLine(Struct, frozen=True):
    """One product of a case, in units."""

    product_id: str
    sold: int
    """By all lines of the sale."""
    short: int
    """Of those, not there when the sale was recorded."""
    taken: int = 0
    found: int = 0
    dismissed: int = 0
    returned: int = 0
    """Brought back by the customer while they were open: nothing was taken for them, so nothing went on hand."""

    @property
    def open(self) -> int:
        """Units of which nobody has said yet what becomes of them."""
        return self.short - self.taken - self.found - self.dismissed - self.returned


class ShortfallBody(Struct, frozen=True):
    """The body of a case's document, whose reference is the number of the receipt."""

    lines: tuple[ShortfallLine, ...]
    offline: Offline
    left_at: datetime
    """When the goods left the store, as far as anybody knows."""
    steps: tuple[DocumentStep, ...]
    owner: str = ""
    """Who answers for it while it waits for goods."""
    transfer_id: UUID | None = None
    """The transfer that it waits for, if it is one."""

    @property
    def open(self) -> dict[str, int]:
        """Returns the open units per product."""
        return {line.product_id: line.open for line in self.lines if line.open}


def _moved(document: Document) -> Iterable[Moved]:
    for line in document.read(ShortfallBody).lines:
        yield Moved(TAKEN, document.store_id, line.product_id, Change(on_hand=-line.taken - line.found))
        yield Moved(FOUND, document.store_id, line.product_id, Change(on_hand=line.found))


SHORTFALL = DocumentKind("shortfall", ShortfallBody, moved=_moved, movements=(TAKEN, FOUND))


def fit(books: Books, store_id: str, changes: dict[str, Change]) -> dict[str, int]:
    """Lessens in `changes` what leaves the store to what is available. Returns the units per product that are short."""
    short = {}
    for product_id, change in list(changes.items()):
        row = books.stock.get((store_id, product_id))
        if row is None:
            continue  # unknown, which posting refuses
        left = row.available + change.on_hand - change.unavailable - change.allocated - change.reserved
        if lacking := min(-left, -change.on_hand) if left < 0 else 0:
            short[product_id] = lacking
            after = change._replace(on_hand=change.on_hand + lacking)
            if any(after):
                changes[product_id] = after
            else:
                del changes[product_id]
    return short


def open_case(
    cause: Cause, store_id: str, sold: Mapping[str, int], short: Mapping[str, int], offline: Offline, left_at: datetime
) -> Document:
    """Returns a new case about units of the sale behind `cause`."""
    lines = tuple([ShortfallLine(product_id, sold[product_id], n) for product_id, n in short.items()])
    body = ShortfallBody(lines, offline, left_at, (step_of(cause.kind, cause.who, cause.at),))
    return opened(
        cause.command_id,
        store_id,
        SHORTFALL.name,
        ShortfallStatus.OPEN,
        body,
        cause.who,
        cause.at,
        reference=cause.document_id,
    )


def by_line(lines: Sequence[SaleLine], short: Mapping[str, int]) -> tuple[int, ...]:
    """Returns how many units of each line are short; those of the last lines of a product are the first to be."""
    left = dict(short)
    found = []
    for line in reversed(lines):
        found.append(min(line.quantity, left.get(line.product_id, 0)))
        left[line.product_id] = left.get(line.product_id, 0) - found[-1]
    return tuple(reversed(found))


def find_case(books: Books, store_id: str, case_id: UUID) -> tuple[Document, ShortfallBody]:
    """Returns the case and its body. Raises Refused if the store has none with this id."""
    document = books.documents.get(case_id)
    if document is None or document.kind != SHORTFALL.name or document.store_id != store_id:
        raise Refused(unknown_document(SHORTFALL.name, case_id))
    return document, document.read(ShortfallBody)


def settled(
    document: Document, body: ShortfallBody, field: str, units: Mapping[str, int], step: DocumentStep
) -> Document:
    """Returns the case after `units` of it were settled; `field` is the one of its lines that counts them."""
    lines = tuple(
        [structs.replace(line, **{field: getattr(line, field) + units.get(line.product_id, 0)}) for line in body.lines]
    )
    body = structs.replace(body, lines=lines, steps=(*body.steps, step))
    return stepped(document, step.at, status=document.status if body.open else ShortfallStatus.SETTLED, body=body)


def waiting(
    document: Document, body: ShortfallBody, owner: str, transfer_id: UUID | None, step: DocumentStep
) -> Document:
    """Returns the case while it waits for goods, and `owner` answers for it."""
    body = structs.replace(body, owner=owner, transfer_id=transfer_id, steps=(*body.steps, step))
    return stepped(document, step.at, status=ShortfallStatus.WAITING, body=body)


def back_of(lines: Sequence[ReturnedLine], units: Mapping[str, int]) -> tuple[ReturnLine, ...]:
    """Returns which lines of the receipt `units` come back of, the last first.

    Raises Refused for more than are left of them.
    """
    left, found = dict(units), []
    for line in reversed(lines):
        if n := min(left.get(line.product_id, 0), line.sold - line.returned):
            found.append(ReturnLine(line.line, n))
            left[line.product_id] -= n
    over = [ShortLine(product_id, units[product_id], units[product_id] - n) for product_id, n in left.items() if n]
    if over:
        first = over[0]
        message = f"Only {first.available} units of {first.product_id} can still come back, not {first.requested}."
        raise Refused(Refusal(Code.MORE_THAN_SOLD, message, tuple(over), field="lines"))
    return tuple(found)


def made_good(
    books: Books, sale_id: UUID, before: Sequence[ReturnedLine], after: Sequence[ReturnedLine], who: Who, now: datetime
) -> tuple[tuple[ReturnedLine, ...], Document | None]:
    """Returns the lines of a sale after units came back, and its case after it if that has lost open units by it.

    Units that come back to the shelf are first those that were never taken from the books; damaged ones are not, since
    they cannot be sold in their place.
    """
    document = books.documents.get(sale_id)
    if document is None or document.kind != SHORTFALL.name:
        return tuple(after), None
    body = document.read(ShortfallBody)
    left = Counter(body.open)
    lines, came = [], Counter[str]()
    for was, line in zip(before, after, strict=True):
        units = min(line.shelf - was.shelf, left[line.product_id])
        left[line.product_id] -= units
        came[line.product_id] += units
        lines.append(structs.replace(line, never_taken=line.never_taken + units))
    if not any(came.values()):
        return tuple(lines), None
    return tuple(lines), settled(document, body, "returned", came, step_of("return", who, now))
