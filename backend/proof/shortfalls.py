"""Shortfall cases against the lines of their sales: what a sale was short of is what its case is about."""

from collections import Counter
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import documents, sale_lines
from backend.ledger.rows import document_of
from backend.model.shortfalls import SHORTFALL, ShortfallBody

from .drifts import Drift
from .sums import summed

_PAGE = 1000
_CASES = select(documents).where(documents.c.kind == SHORTFALL.name)
_line = sale_lines.c
_SHORT = (
    select(_line.store_id, _line.product_id, _line.sale_id, summed(_line.short))
    .where(_line.short != 0)
    .group_by(_line.store_id, _line.product_id, _line.sale_id)
)


class _Place(NamedTuple):
    store_id: str
    product_id: str
    sale_id: UUID


async def lacking(connection: AsyncConnection) -> list[Drift]:
    """Returns the sales that were short of other units than their case says, and the cases that settled too many."""
    short: Counter[_Place] = Counter()
    for store_id, product_id, sale_id, units in await connection.execute(_SHORT):
        short[_Place(store_id, product_id, sale_id)] = int(units)
    told: Counter[_Place] = Counter()
    drifts = []
    async with connection.stream(_CASES) as rows:
        async for some in rows.partitions(_PAGE):
            for case in map(document_of, map(tuple, some)):
                for line in case.read(ShortfallBody).lines:
                    told[_Place(case.store_id, line.product_id, case.id)] = line.short
                    if line.open < 0:
                        what = f"units settled of what was short of sale {case.id}"
                        drifts.append(Drift(case.store_id, line.product_id, what, line.short, line.short - line.open))
    for place in sorted({*short, *told}):
        if short[place] != told[place]:
            what = f"units short of sale {place.sale_id}"
            drifts.append(Drift(place.store_id, place.product_id, what, short[place], told[place]))
    return drifts
