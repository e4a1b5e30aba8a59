"""How answers show counts. A count is blind: who counts does not see what the books say, who approves does."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from backend.model.counts import CountBody, Tally, Tolerance
from backend.model.documents import Document
from backend.model.steps import DocumentStep

from .service import CountLine, FoundCount


class CountLineShape(Struct, frozen=True, kw_only=True):
    """One product of a count. What it is compared with is null for who may not approve counts."""

    product_id: str
    status: str
    counted: int
    tallies: tuple[Tally, ...]
    recounted: bool
    why: str | None
    """Why it is on the recount list: `tolerance`, `moved` or `held`."""
    counted_at: datetime
    version: int
    """Of the stock row, at the scan."""
    expected: int | None
    """Units that should have been on the shelf at the scan."""
    variance: int | None
    """`counted` less `expected`."""
    left: int | None
    """What of the variance has not been posted yet."""
    posted: int | None
    approved_by: str

    @classmethod
    def of(cls, line: CountLine, *, blind: bool) -> "CountLineShape":
        """Returns `line` as the wire shows it."""
        of, found = line.line, line.found
        return cls(
            product_id=of.product_id,
            status=line.status,
            counted=of.counted,
            tallies=of.tallies,
            recounted=of.recounted,
            why=None if of.why is None else of.why.value,
            counted_at=of.counted_at,
            version=of.version,
            expected=None if blind else found.expected,
            variance=None if blind else found.variance,
            left=None if blind else found.left,
            posted=None if blind else of.posted,
            approved_by=of.approved_by,
        )


class ListedCountShape(Struct, frozen=True, kw_only=True):
    """A count: how far it is, and who did what to it when."""

    id: UUID
    store_id: str
    status: str
    scope: str
    products: tuple[str, ...]
    categories: tuple[str, ...]
    tolerance: Tolerance
    reference: str
    note: str
    counted: int
    """Products that were counted; of those `posted` are posted and `recounts` wait to be counted again."""
    posted: int
    recounts: int
    steps: tuple[DocumentStep, ...]
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, count: Document) -> "ListedCountShape":
        """Returns `count` as the wire shows it."""
        return cls(**_fields(count))


class CountShape(ListedCountShape, frozen=True, kw_only=True):
    """A count with its lines, and the products that nobody has counted yet."""

    lines: tuple[CountLineShape, ...]
    uncounted: tuple[str, ...]

    @classmethod
    def whole(cls, found: FoundCount, *, blind: bool) -> "CountShape":
        """Returns a count with its lines as the wire shows them."""
        lines = tuple([CountLineShape.of(line, blind=blind) for line in found.lines])
        return cls(**_fields(found.count), lines=lines, uncounted=found.uncounted)


class ScannedShape(Struct, frozen=True):
    """What was counted of a product so far, by everybody together."""

    count_id: UUID
    product_id: str
    counted: int
    tallies: tuple[Tally, ...]
    status: str
    counted_at: datetime
    version: int


class CountsShape(Struct, frozen=True):
    """A page of a store's counts, latest change first. `count` is those of this page."""

    store_id: str
    counts: list[ListedCountShape]
    count: int


def _fields(count: Document) -> dict[str, Any]:
    body = count.read(CountBody)
    return {
        "id": count.id,
        "store_id": count.store_id,
        "status": count.status,
        "scope": body.scope.value,
        "products": body.products,
        "categories": body.categories,
        "tolerance": body.tolerance,
        "reference": count.reference,
        "note": body.note,
        "counted": body.lines,
        "posted": body.posted,
        "recounts": body.recounts,
        "steps": body.steps,
        "created_at": count.created_at,
        "updated_at": count.updated_at,
        "version": count.version,
    }
