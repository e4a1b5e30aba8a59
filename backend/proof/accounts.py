"""Documents against the movements that name them: what a document says was moved is what was moved.

Both are read in the order of the documents' ids, side by side, so the memory that this takes does not grow with them.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, collate, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import documents, movements
from backend.ledger.rows import document_of
from backend.model.documents import Document
from backend.model.verbs import DOCUMENT_KINDS

from .drifts import Drift

_PAGE = 1000
_BALANCES = ("on_hand", "unavailable", "incoming")
"""`allocated` is proven by what open documents promise."""


class _Place(NamedTuple):
    """What a sum is about."""

    kind: str
    store_id: str
    product_id: str
    balance: str


async def accounted(connection: AsyncConnection, since: datetime) -> list[Drift]:
    """Returns every sum of movements that is not what their document says.

    Documents older than `since` are left out: some of their movements may be archived.
    """
    kinds = [kind for kind in DOCUMENT_KINDS.values() if kind.movements]
    names = sorted({name for kind in kinds for name in kind.movements})
    told = select(documents).where(documents.c.kind.in_([kind.name for kind in kinds])).order_by(documents.c.id)
    m = movements.c
    order = m.document_id if connection.dialect.name == "sqlite" else collate(m.document_id, "C")
    sums = (
        select(
            m.document_id, m.kind, m.store_id, m.product_id, *[func.sum(m[f"{x}_change"]).label(x) for x in _BALANCES]
        )
        .where(m.kind.in_(names), m.at >= since)
        .group_by(m.document_id, m.kind, m.store_id, m.product_id)
        .order_by(order)
    )
    drifts: list[Drift] = []
    async with connection.stream(told) as pages, connection.stream(sums) as moved:
        rows = aiter(moved)
        row = await anext(rows, None)
        async for page in pages.partitions(_PAGE):
            found: dict[str, list[Row[Any]]] = {}
            some = [document_of(tuple(one)) for one in page]
            while row is not None and row.document_id <= str(some[-1].id):
                found.setdefault(row.document_id, []).append(row)
                row = await anext(rows, None)
            for document in some:
                sums_of_it = found.pop(str(document.id), [])
                if document.created_at >= since:
                    drifts += _compared(document, sums_of_it)
            drifts += [_stray(one) for strays in found.values() for one in strays]
        while row is not None:
            drifts.append(_stray(row))
            row = await anext(rows, None)
    return drifts


def _compared(document: Document, rows: Sequence[Row[Any]]) -> list[Drift]:
    expected: Counter[_Place] = Counter()
    for moved in DOCUMENT_KINDS[document.kind].moved(document):
        for balance in _BALANCES:
            expected[_Place(moved.kind, moved.store_id, moved.product_id, balance)] += getattr(moved.change, balance)
    found: Counter[_Place] = Counter()
    for row in rows:
        for balance in _BALANCES:
            found[_Place(row.kind, row.store_id, row.product_id, balance)] += int(getattr(row, balance))
    return [
        Drift(
            place.store_id,
            place.product_id,
            f"{place.balance} moved by {place.kind} of {document.kind} {document.id}",
            expected[place],
            found[place],
        )
        for place in sorted({*expected, *found})
        if expected[place] != found[place]
    ]


def _stray(row: Row[Any]) -> Drift:
    what = f"documents that movements of kind {row.kind} name as {row.document_id}"
    return Drift(row.store_id, row.product_id, what, 1, 0)
