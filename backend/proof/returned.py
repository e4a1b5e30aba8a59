"""What has come back of sales against the sales themselves: each document's lines are those of its receipt."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import documents, sale_lines
from backend.ledger.rows import document_of
from backend.model.documents import Document
from backend.model.returns import RETURNED, ReturnedBody

from .drifts import Drift

_PAGE = 500
_RETURNED = select(documents).where(documents.c.kind == RETURNED.name).order_by(documents.c.id)
_l = sale_lines.c
_LINES = select(_l.sale_id, _l.store_id, _l.line, _l.product_id, _l.quantity).where(
    _l.sale_id.in_(bindparam("sales", expanding=True))
)
_Line = tuple[UUID, str, int, str]


async def returned_as_sold(connection: AsyncConnection) -> list[Drift]:
    """Returns every line that a sale has sold in other units than what has come back of it says."""
    drifts: list[Drift] = []
    async with connection.stream(_RETURNED) as rows:
        async for some in rows.partitions(_PAGE):
            drifts += await _compared(connection, [document_of(tuple(row)) for row in some])
    return drifts


async def _compared(connection: AsyncConnection, some: Sequence[Document]) -> list[Drift]:
    bodies = [(document.store_id, document.read(ReturnedBody)) for document in some]
    told = {
        (body.sale_id, store, line.line, line.product_id): line.sold for store, body in bodies for line in body.lines
    }
    sold: dict[_Line, int] = {}
    for *key, units in await connection.execute(_LINES, {"sales": [body.sale_id for _, body in bodies]}):
        sale_id, store_id, line, product_id = key
        sold[sale_id, store_id, line, product_id] = units
    return [
        Drift(key[1], key[3], f"units sold by line {key[2]} of sale {key[0]}, of which some came back", units, found)
        for key in sorted({*told, *sold})
        if (units := sold.get(key, 0)) != (found := told.get(key, 0))
    ]
