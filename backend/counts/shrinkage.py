"""The shrinkage report: what went missing and what turned up, by product, store, category, reason or period."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from sqlalchemy import BigInteger, ColumnElement, String, and_, case, cast, func, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import movements, products
from backend.model.verbs import MOVEMENT_KINDS
from backend.model.verbs.write_off import VERB as WRITE_OFF


class GroupBy(StrEnum):
    """What a row of the report is about."""

    PRODUCT = "product"
    STORE = "store"
    CATEGORY = "category"
    REASON = "reason"
    KIND = "kind"
    DAY = "day"
    MONTH = "month"


class Shrinkage(Struct, frozen=True):
    """The corrections of one group, in units; `net = found - missing`. Values are at today's prices, in cents."""

    group: str
    missing: int
    found: int
    net: int
    net_cents: int
    movements: int


def kinds() -> list[str]:
    """Returns the kinds of movement by which somebody who looked corrects the books, or gives units up."""
    looked = {kind.name for kind in MOVEMENT_KINDS.values() if kind.event == "count" and "on_hand" in kind.changes}
    return sorted(looked | {WRITE_OFF.name})


async def shrinkage(
    connection: AsyncConnection,
    stores: Sequence[str] | None,
    by: GroupBy,
    since: datetime,
    until: datetime,
    but: Collection[str] = (),
) -> list[Shrinkage]:
    """Returns the groups of the stores (None: of all), the largest loss first, from `since` on and before `until`.

    Kinds of movement in `but` do not count. The first stock that somebody sets of a product is no correction, and is
    left out.
    """
    m, change = movements.c, movements.c.on_hand_change
    first = and_(m.kind == "set_stock", m.version == 1)
    group = _group(by, connection.dialect.name).label("name")
    missing, found = _sum(case((change < 0, -change), else_=0)), _sum(case((change > 0, change), else_=0))
    net = _sum(change)
    # Whole cents of each movement, towards zero: a valuation, and no bill.
    worth = change * func.coalesce(products.c.price_cents, 0) // func.coalesce(products.c.price_per, 1)
    counted = [kind for kind in kinds() if kind not in but]
    query = (
        select(group, missing, found, net, _sum(worth), func.count())
        .select_from(movements.outerjoin(products, products.c.id == m.product_id))
        .where(m.kind.in_(counted), change != 0, ~first, m.at >= since, m.at < until)
        .group_by(group)
        .order_by(net, group)
    )
    if stores is not None:
        query = query.where(m.store_id.in_(stores))
    return [Shrinkage(*row) for row in await connection.execute(query)]


def _sum(column: ColumnElement[int]) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(column), 0), BigInteger)


def _group(by: GroupBy, dialect: str) -> ColumnElement[str]:
    m = movements.c
    columns: dict[GroupBy, ColumnElement[str]] = {
        GroupBy.PRODUCT: m.product_id,
        GroupBy.STORE: m.store_id,
        GroupBy.CATEGORY: func.coalesce(products.c.category, ""),
        GroupBy.REASON: m.reason,
        GroupBy.KIND: m.kind,
    }
    if by in columns:
        return columns[by]
    length, pattern = (10, "YYYY-MM-DD") if by is GroupBy.DAY else (7, "YYYY-MM")
    if dialect == "sqlite":
        return func.substr(type_coerce(m.at, String), 1, length)
    return func.to_char(func.timezone("UTC", m.at), pattern)
