"""Reading counts: their lines, what is to be counted, and what has moved a line's stock since its scan."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Uuid, and_, bindparam, case, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import documents, movements, products, sales, stock
from backend.ledger.rows import document_of
from backend.model.counts import COUNT_LINE, CountBody, LineBody, Scope
from backend.model.documents import Document
from backend.model.shortfalls import TAKEN
from backend.model.stock import Key, Move

_LINES = select(documents).where(
    documents.c.store_id == bindparam("store_id"),
    documents.c.kind == COUNT_LINE.name,
    documents.c.reference == bindparam("reference"),
)
_AT_ONCE = 100


async def lines_of(connection: AsyncConnection, store_id: str, count_id: UUID) -> list[Document]:
    """Returns all lines of a count, by the ids of their products."""
    found = await connection.execute(_LINES, {"store_id": store_id, "reference": str(count_id)})
    lines = [document_of(tuple(row)) for row in found]
    return sorted(lines, key=lambda line: line.read(LineBody).product_id)


async def to_count(connection: AsyncConnection, store_id: str, count: CountBody) -> list[str]:
    """Returns the products that the count asks for: its list, and what the books say is there of its categories."""
    there = (
        select(stock.c.product_id)
        .join(products, products.c.id == stock.c.product_id)
        .where(stock.c.store_id == store_id, stock.c.on_hand != 0)
    )
    wanted = set(count.products)
    if count.scope is Scope.FULL:
        wanted.update(await connection.scalars(there))
    elif count.categories:
        wanted.update(await connection.scalars(there.where(products.c.category.in_(count.categories))))
    return sorted(wanted)


async def moves_since(
    connection: AsyncConnection, store_id: str, lines: Sequence[LineBody]
) -> dict[Key, tuple[Move, ...]]:
    """Returns what has moved the stock of each line after its scan, in order."""
    m, found = movements.c, dict[Key, list[Move]]()
    # As the ledger reads them, see READ_MOVES.
    case_id = func.replace(m.document_id, "-", "") if connection.dialect.name == "sqlite" else m.document_id
    sale_id = case((m.kind == "sell", m.command_id), (m.kind == TAKEN, cast(case_id, Uuid)))
    left_at = case((m.kind == TAKEN, func.coalesce(sales.c.made_at, sales.c.sold_at)), else_=sales.c.made_at)
    query = (
        select(m.product_id, m.version, m.kind, m.on_hand_change, m.at, left_at)
        .select_from(movements.outerjoin(sales, and_(sales.c.id == sale_id, sales.c.store_id == m.store_id)))
        .order_by(m.product_id, m.version)
    )
    for start in range(0, len(lines), _AT_ONCE):
        some = lines[start : start + _AT_ONCE]
        each = or_(*[and_(m.product_id == line.product_id, m.version > line.version) for line in some])
        for product_id, *fields in await connection.execute(query.where(m.store_id == store_id, each)):
            found.setdefault((store_id, product_id), []).append(Move(*fields))
    return {key: tuple(moves) for key, moves in found.items()}
