"""Reading many holds: of a store, of one of its products, and their numbers.

There is no index over ended holds, because each hold would pay for it. Those of a product are found by the movements
that made them, which have their key; a hold has the id of its command.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import groupby
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from msgspec import Meta, structs
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Uuid,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now
from backend.database.tables import Instant, movements, reservations
from backend.model.reservations import Reservation, Status

from .queries import IS_HOLD, hold_of


class DeadlineKey(NamedTuple):
    """A place among the live holds of a store: what follows ends later."""

    expires_at: Annotated[datetime, Meta(tz=True)]
    id: UUID


class MadeKey(NamedTuple):
    """A place among the holds of a product in a store: what follows was made before."""

    version: Annotated[int, Meta(ge=1, le=2**63 - 1)]


_r, _m = reservations.c, movements.c
# A literal: only so the partial index is used.
_PENDING: ColumnElement[bool] = literal_column("reservations.status = 'PENDING'")
_LIVE = and_(_PENDING, _r.expires_at > database_now(), IS_HOLD)
_DEAD = and_(_r.status == "PENDING", _r.expires_at <= database_now())
_SHOWN: ColumnElement[str] = case((_DEAD, "EXPIRED"), else_=_r.status)

LIVE_OF_STORE = (
    select(_r.id, _r.expires_at)
    .where(
        _LIVE,
        _r.store_id == bindparam("store_id"),
        tuple_(_r.expires_at, _r.id) > tuple_(bindparam("expires_at", type_=Instant()), bindparam("id", type_=Uuid())),
    )
    .group_by(_r.expires_at, _r.id)
    .order_by(_r.expires_at, _r.id)
    .limit(bindparam("limit"))
)


def _of_product(wanted: Status | None) -> Select[Any]:
    made = (
        select(_m.command_id, _m.version)
        .where(
            _m.store_id == bindparam("store_id"),
            _m.product_id == bindparam("product_id"),
            _m.kind == "reserve",
            _m.version < bindparam("before", type_=BigInteger()),
        )
        .subquery("made")
    )
    held = and_(
        _r.id == made.c.command_id, _r.store_id == bindparam("store_id"), _r.product_id == bindparam("product_id")
    )
    statement = select(_r.id, made.c.version).select_from(made.join(reservations, held))
    if wanted is not None:
        statement = statement.where(_SHOWN.in_([wanted.value]))
    return statement.order_by(made.c.version.desc()).limit(bindparam("limit"))


OF_PRODUCT = {wanted: _of_product(wanted) for wanted in (None, *Status)}
_ROWS = (
    select(reservations, database_now().label("now"))
    .where(_r.id.in_(bindparam("ids", expanding=True)))
    .order_by(_r.id, _r.product_id)
)
_HOLDS = select(_r.id, _SHOWN.label("status")).where(IS_HOLD).distinct()


async def live_holds(
    connection: AsyncConnection, store_id: str, after: DeadlineKey, limit: int
) -> Sequence[Reservation]:
    """Returns the live holds of a store, the one that ends first in front."""
    where = {"store_id": store_id, **after._asdict(), "limit": limit}
    ids = [row.id for row in await connection.execute(LIVE_OF_STORE, where)]
    return await _holds(connection, ids)


async def holds_of_product(
    connection: AsyncConnection, store_id: str, product_id: str, wanted: Status | None, before: MadeKey, limit: int
) -> Sequence[tuple[Reservation, MadeKey]]:
    """Returns the holds of a product in a store, latest first, each with its place; only those in the `wanted`
    status."""
    where = {"store_id": store_id, "product_id": product_id, "before": before.version, "limit": limit}
    found = {row.id: MadeKey(row.version) for row in await connection.execute(OF_PRODUCT[wanted], where)}
    holds = await _holds(connection, list(found))
    return [(hold, found[hold.id]) for hold in holds]


async def numbers_by_status(connection: AsyncConnection, stores: Collection[str] | None) -> dict[str, int]:
    """Returns how many holds there are in each status, in these stores or in all. Reads every hold: it is a report."""
    holds = (_HOLDS if stores is None else _HOLDS.where(or_(*[_r.store_id == x for x in stores]))).subquery("holds")
    rows = await connection.execute(select(holds.c.status, func.count().label("number")).group_by(holds.c.status))
    return {status.value: 0 for status in Status} | {row.status: row.number for row in rows}


async def _holds(connection: AsyncConnection, ids: list[UUID]) -> list[Reservation]:
    """Returns the holds with these ids, in this order, as they are now."""
    rows = (await connection.execute(_ROWS, {"ids": ids})).all() if ids else []
    holds = {}
    for id_, lines in groupby(rows, key=lambda row: row.id):
        hold, now = hold_of(together := list(lines)), together[0].now
        dead = hold.status is Status.PENDING and not hold.is_live(now)
        holds[id_] = structs.replace(hold, status=Status.EXPIRED) if dead else hold
    return [holds[id_] for id_ in ids]
