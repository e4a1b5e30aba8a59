"""Reading sales. They never change, so a page of them and their lines need no common moment.

What has come back of a sale is in a document of its own, which may change between two reads.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from msgspec import Meta, Struct
from sqlalchemy import Row, Uuid, and_, bindparam, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import Instant, documents, sale_line_pricing, sale_lines, sales, tenders
from backend.ids import returned_id
from backend.ledger.rows import document_of, sale_line_of, tender_of
from backend.model.commands import SaleLine
from backend.model.documents import Document
from backend.model.returns import RETURNED
from backend.model.tenders import Tender


class Sale(Struct, frozen=True):
    """A finished sale."""

    id: UUID
    store_id: str
    receipt_number: str
    terminal_id: str
    actor: str
    total_cents: int
    sold_at: datetime
    lines: tuple[SaleLine, ...]
    tenders: tuple[Tender, ...] = ()
    """Empty if nobody said what it was paid with."""
    returned: Document | None = None
    """What has come back of it; its kind is `returned`."""


class SaleKey(NamedTuple):
    """A place among the sales of a store: what follows is older."""

    sold_at: Annotated[datetime, Meta(tz=True)]
    id: UUID


_s, _l, _p, _t = sales.c, sale_lines.c, sale_line_pricing.c, tenders.c
SALES = select(_s.id, _s.store_id, _s.receipt_number, _s.terminal_id, _s.actor, _s.total_cents, _s.sold_at)
_BY_ID = SALES.where(_s.id == bindparam("id"))
_BY_RECEIPT = SALES.where(
    _s.store_id == bindparam("store_id"), _s.receipt_number == bindparam("receipt"), _s.receipt_number != ""
)
OF_STORE = (
    SALES.where(
        _s.store_id == bindparam("store_id"),
        _s.sold_at >= bindparam("since"),
        tuple_(_s.sold_at, _s.id) < tuple_(bindparam("sold_at", type_=Instant()), bindparam("id", type_=Uuid())),
    )
    .order_by(_s.sold_at.desc(), _s.id.desc())
    .limit(bindparam("limit"))
)
"""A page, by the index `ix_sales_store_id_sold_at`."""
_LINES = (
    select(_l.sale_id, _l.product_id, _l.quantity, _l.price_cents, _l.price_per)
    .add_columns(_p.list_price_cents, _p.discount_reason, _p.tax_rate_bp, _p.tax_cents, _p.tax_included)
    .outerjoin_from(
        sale_lines,
        sale_line_pricing,
        and_(_p.sale_id == _l.sale_id, _p.store_id == _l.store_id, _p.line == _l.line),
    )
    .where(_l.sale_id.in_(bindparam("ids", expanding=True)))
    .order_by(_l.sale_id, _l.line)
)
_TENDERS = (
    select(_t.id, _t.kind, _t.amount_cents, _t.given_cents, _t.reference)
    .where(_t.id.in_(bindparam("ids", expanding=True)))
    .order_by(_t.id, _t.number)
)
_RETURNED = select(documents).where(
    documents.c.id.in_(bindparam("ids", expanding=True)), documents.c.kind == RETURNED.name
)


async def sale_by_id(connection: AsyncConnection, sale_id: UUID) -> Sale | None:
    """Returns the sale with this id, or None."""
    heads = (await connection.execute(_BY_ID, {"id": sale_id})).all()
    return next(iter(await with_lines(connection, heads)), None)


async def sale_by_receipt(connection: AsyncConnection, store_id: str, receipt_number: str) -> Sale | None:
    """Returns the sale that a store gave this receipt number, or None."""
    heads = (await connection.execute(_BY_RECEIPT, {"store_id": store_id, "receipt": receipt_number})).all()
    return next(iter(await with_lines(connection, heads)), None)


async def sales_of(
    connection: AsyncConnection, store_id: str, since: datetime, place: SaleKey, limit: int
) -> list[Sale]:
    """Returns at most `limit` sales of a store that follow `place`, latest first, none before `since`."""
    values = {"store_id": store_id, "since": since, "limit": limit, **place._asdict()}
    return await with_lines(connection, (await connection.execute(OF_STORE, values)).all())


async def with_lines(connection: AsyncConnection, heads: Sequence[Row[*tuple[Any, ...]]]) -> list[Sale]:
    """Returns the sales of these rows of SALES, in their order, with their lines, their tenders and what has come
    back."""
    if not heads:
        return []
    lines: dict[UUID, list[SaleLine]] = defaultdict(list)
    ids = [head.id for head in heads]
    for sale_id, *line in await connection.execute(_LINES, {"ids": ids}):
        lines[sale_id].append(sale_line_of(line))
    paid: dict[UUID, list[Tender]] = defaultdict(list)
    for sale_id, *tender in await connection.execute(_TENDERS, {"ids": ids}):
        paid[sale_id].append(tender_of(tender))
    found = map(document_of, map(tuple, await connection.execute(_RETURNED, {"ids": list(map(returned_id, ids))})))
    returned = {document.id: document for document in found}
    return [
        Sale(
            **head._mapping,
            lines=tuple(lines[head.id]),
            tenders=tuple(paid[head.id]),
            returned=returned.get(returned_id(head.id)),
        )
        for head in heads
    ]
