"""What open documents account for, beside the balances `allocated` and `incoming`, which only documents change."""

from collections import Counter

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import documents, stock
from backend.ledger.rows import document_of
from backend.model.stock import Key
from backend.model.verbs import DOCUMENT_KINDS

from .drifts import Drift

_PAGE = 1000
_DOCUMENTS = select(documents).order_by(documents.c.store_id, documents.c.id)
_COUNTED = select(stock.c.store_id, stock.c.product_id, stock.c.allocated, stock.c.incoming).where(
    or_(stock.c.allocated != 0, stock.c.incoming != 0)
)


async def promised(connection: AsyncConnection) -> list[Drift]:
    """Returns every stock row whose allocated or incoming units are not those of the documents, in one snapshot."""
    allocated: Counter[Key] = Counter()
    incoming: Counter[Key] = Counter()
    async with connection.stream(_DOCUMENTS) as rows:
        async for some in rows.partitions(_PAGE):
            for document in map(document_of, map(tuple, some)):
                kind = DOCUMENT_KINDS.get(document.kind)
                for promise in kind.promises(document) if kind else ():
                    key = (promise.store_id, promise.product_id)
                    allocated[key] += promise.allocated
                    incoming[key] += promise.incoming
    found = {(row.store_id, row.product_id): row for row in await connection.execute(_COUNTED)}
    drifts = []
    for key in sorted({*allocated, *incoming, *found}):
        row = found.get(key)
        for name, expected in (("allocated", allocated[key]), ("incoming", incoming[key])):
            now = getattr(row, name) if row else 0
            if expected != now:
                drifts.append(Drift(*key, f"{name} as the sum of open documents", expected, now))
    return drifts
