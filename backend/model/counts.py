"""Counting while selling: what was counted, of which state of the stock, and what the stock is to be corrected by.

A count never says what is on hand. A line remembers the version of the stock row at its scan and what was on hand then;
the stock is corrected by

    counted - on hand at the scan
            - late sales: recorded after the scan, made before it
            - what counts and compare-and-set have corrected since the scan.

So a sale after the scan stays a sale, whenever the count is posted. A late sale, made at a terminal without network
whose clock tells when (`made_at`), took its units before the counter came by: they are missing on the shelf, but sold,
not lost. Posting again corrects for the late sales that came after the first posting. Two counts find one loss once.

A counter without network names the version it saw (`as_of`), and when it counted (`counted_at`). What was recorded
between that version and that moment had happened when it counted, so it is part of what was on hand at the scan.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Annotated, NamedTuple
from uuid import UUID

from msgspec import Meta, Struct

from .books import Books
from .commands import MAX_LINES, Count, ProductId
from .documents import Document, DocumentKind
from .refusals import Refused, unknown_document
from .steps import DocumentStep
from .stock import Key, Move, StockRow
from .text import LINE

APPROVAL_UNITS = 20
"""A count that corrects more units than this, missing and found ones added up, is approved by a supervisor."""
NOT_YET = 2**62
"""A version that no row has: asks for the movements of the same batch alone."""
CORRECTIONS = frozenset({"count", "set_stock", "repair", "shortfall_found"})
"""Kinds of movement that correct the books to the shelf: no unit moved when they were recorded."""
UNMOVED = CORRECTIONS | {"drift"}
"""Kinds with which no unit moves. One of kind `drift` leaves the books as they are, too: they had changed before."""

Category = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE)]
PerCent = Annotated[int, Meta(ge=0, le=100)]


class CountStatus(StrEnum):
    """How far a count has come. It ends as POSTED or CANCELLED."""

    COUNTING = "counting"
    RECOUNT = "recount"
    """Posted as far as it could be; the lines of its recount list are to be counted again."""
    POSTED = "posted"
    CANCELLED = "cancelled"


AT_WORK = (CountStatus.COUNTING, CountStatus.RECOUNT)


class LineStatus(StrEnum):
    """How far one product of a count has come."""

    COUNTED = "counted"
    RECOUNT = "recount"
    POSTED = "posted"


class Why(StrEnum):
    """Why a line is on the recount list."""

    TOLERANCE = "tolerance"
    """It differs by more than the count tolerates, and nobody has counted it again yet."""
    MOVED = "moved"
    """Units were added to it after the stock had moved: whether those were counted already, nobody can tell."""
    HELD = "held"
    """The shop has less than is promised to customers or put aside as unavailable; somebody has to free units first."""


class Scope(StrEnum):
    """What is counted."""

    FULL = "full"
    CYCLE = "cycle"
    """The products and categories of a list."""
    TASK = "task"
    """One product."""


class How(StrEnum):
    """What a scan does to what was counted of the product before."""

    ADD = "add"
    """More units, as at another place of the shop."""
    CORRECT = "correct"
    """Replaces what this counter has counted."""
    RECOUNT = "recount"
    """Replaces what everybody has counted."""


class Tolerance(Struct, frozen=True, forbid_unknown_fields=True):
    """A line that differs by at most so many units, or so much of what was expected, is not counted again."""

    units: Count = 2
    per_cent: PerCent = 2

    def allows(self, variance: int, expected: int) -> bool:
        """Returns whether a variance may be posted without a second look."""
        return abs(variance) <= self.units or abs(variance) * 100 <= self.per_cent * expected


class CountBody(Struct, frozen=True):
    """The body of a count's document. Its lines are documents of their own, so that many can count at once."""

    scope: Scope
    tolerance: Tolerance
    steps: tuple[DocumentStep, ...]
    products: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    note: str = ""
    lines: int = 0
    """Products that have been counted so far."""
    posted: int = 0
    """Of those: posted."""
    recounts: int = 0
    """Of those: on the recount list."""
    corrected: int = 0
    """Units by which the stock was corrected, missing and found ones added up."""


class Tally(Struct, frozen=True):
    """What one person has counted of a product."""

    counter: str
    units: int
    at: datetime


class LineBody(Struct, frozen=True):
    """The body of a count's line: one product."""

    count_id: UUID
    product_id: str
    tallies: tuple[Tally, ...]
    version: int
    """Of the stock row at the scan; what has moved it up to there is in `on_hand`."""
    on_hand: int
    """As the books had it for the moment of the scan."""
    counted_at: datetime
    recounted: bool = False
    moved: bool = False
    """See Why.MOVED."""
    why: Why | None = None
    variance: int | None = None
    """What it differed by when it was posted, in all; None before."""
    posted: int = 0
    """Units by which the stock was corrected since the scan."""
    approved_by: str = ""

    @property
    def counted(self) -> int:
        """Units that were counted, by everybody together."""
        return sum(tally.units for tally in self.tallies)


COUNT = DocumentKind("count", CountBody)
COUNT_LINE = DocumentKind("count_line", LineBody)

ProductIds = Annotated[tuple[ProductId, ...], Meta(max_length=MAX_LINES)]


def line_id(count_id: UUID, product_id: str) -> UUID:
    """Returns the id of a product's line in a count: whoever counts it first opens it, and all others find it.

    A UUIDv8 that begins like the count's id, so that it lies beside it.
    """
    digest = int.from_bytes(blake2b(count_id.bytes + product_id.encode(), digest_size=10).digest())
    number = (count_id.int >> 80 << 80 | digest) & ~(0xF << 76) | 0x8 << 76
    return UUID(int=number & ~(0x3 << 62) | 0x2 << 62)


def find_count(books: Books, store_id: str, count_id: UUID) -> tuple[Document, CountBody]:
    """Returns the store's count and its body. Raises Refused if there is none."""
    document = books.documents.get(count_id)
    if document is None or document.kind != COUNT.name or document.store_id != store_id:
        raise Refused(unknown_document(COUNT.name, count_id))
    return document, document.read(CountBody)


def line_of(document: Document | None) -> LineBody | None:
    """Returns the body of a count's line; None for what is not one."""
    return document.read(LineBody) if document is not None and document.kind == COUNT_LINE.name else None


class Seen(NamedTuple):
    """What a count is compared with: what was on hand at its moment, given the movements up to a version."""

    version: int
    on_hand: int
    at: datetime


def seen_at(row: StockRow, moves: Iterable[Move], as_of: int, counted_at: datetime | None) -> Seen:
    """Returns what the books should have said when somebody counted who saw the version `as_of`; `row` is as it is now.

    Without `counted_at` they counted at that version: before the first movement after it.
    """
    later = [move for move in moves if move.version > as_of]
    at = counted_at or min(move.at for move in later)
    after = sum(x.on_hand_change for x in later if x.kind not in UNMOVED and (x.made_at or x.at) >= at)
    return Seen(row.version, row.on_hand - after, at)


class Difference(NamedTuple):
    """What a line differs by, and what of it is still to be posted."""

    expected: int
    """Units that should have been on the shelf when it was counted."""
    variance: int
    """Counted less expected."""
    left: int
    """The variance less what has been corrected since the scan."""


def difference(line: LineBody, moves: Iterable[Move]) -> Difference:
    """Returns what a line differs by, given the movements of its stock row; those up to its version are left out."""
    later = [move for move in moves if move.version > line.version]
    late = sum(x.on_hand_change for x in later if x.made_at is not None and x.made_at < line.counted_at)
    corrected = sum(x.on_hand_change for x in later if x.kind in CORRECTIONS)
    expected = line.on_hand + late
    variance = line.counted - expected
    return Difference(expected, variance, variance - corrected)


def moved_since(line: LineBody, moves: Iterable[Move]) -> bool:
    """Returns whether units have come or gone since the state that `line` has counted."""
    return any(x.on_hand_change and x.kind not in UNMOVED for x in moves if x.version > line.version)


def moves_of(books: Books, key: Key) -> tuple[Move, ...]:
    """Returns the movements of a row that the ledger has read for a count."""
    return books.moves.get(key, ())
