"""Reading sales. They never change, so a page of them and their lines need no common moment."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from msgspec import Meta, Struct
from sqlalchemy import Row, Uuid, bindparam, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import Instant, sale_lines, sales
from backend.model.commands import SaleLine


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


class SaleKey(NamedTuple):
    """A place among the sales of a store: what follows is older."""

    sold_at: Annotated[datetime, Meta(tz=True)]
    id: UUID


_s, _l = sales.c, sale_lines.c
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
    select(_l.sale_id, _l.product_id, _l.quantity, _l.price_cents)
    .where(_l.sale_id.in_(bindparam("ids", expanding=True)))
    .order_by(_l.sale_id, _l.line)
)


async def sale_by_id(connection: AsyncConnection, sale_id: UUID) -> Sale | None:
    """The sale with this id, or None."""
    heads = (await connection.execute(_BY_ID, {"id": sale_id})).all()
    return next(iter(await with_lines(connection, heads)), None)


async def sale_by_receipt(connection: AsyncConnection, store_id: str, receipt_number: str) -> Sale | None:
    """The sale that a store gave this receipt number, or None."""
    heads = (await connection.execute(_BY_RECEIPT, {"store_id": store_id, "receipt": receipt_number})).all()
    return next(iter(await with_lines(connection, heads)), None)


async def sales_of(
    connection: AsyncConnection, store_id: str, since: datetime, place: SaleKey, limit: int
) -> list[Sale]:
    """At most `limit` sales of a store that follow `place`, latest first, none before `since`."""
    values = {"store_id": store_id, "since": since, "limit": limit, **place._asdict()}
    return await with_lines(connection, (await connection.execute(OF_STORE, values)).all())


async def with_lines(connection: AsyncConnection, heads: Sequence[Row[*tuple[Any, ...]]]) -> list[Sale]:
    """The sales of these rows of SALES, in their order."""
    if not heads:
        return []
    lines: dict[UUID, list[SaleLine]] = defaultdict(list)
    for sale_id, *line in await connection.execute(_LINES, {"ids": [head.id for head in heads]}):
        lines[sale_id].append(SaleLine(*line))
    return [Sale(**head._mapping, lines=tuple(lines[head.id])) for head in heads]
