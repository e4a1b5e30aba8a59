"""Allotments: what was kept for a terminal is what sales drew on it, what was given back, and what it still has."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, String, Subquery, and_, bindparam, case, cast, func, select
from sqlalchemy import literal as number
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import Instant, allotments, draws, movements, reservations, sale_lines
from backend.model.reservations import NEVER

from .drifts import Drift
from .sums import summed

MAX_FINDINGS = 1000
_KINDS = ("allot", "allot_release", "allot_reclaim")
_r = reservations.c
_pending = _r.status == "PENDING"
_is_allotment = _r.expires_at == NEVER


async def allotted(connection: AsyncConnection, since: datetime) -> list[Drift]:
    """Returns every allotment and every draw that does not add up.

    Allotments older than `since` are left out of the sums: some of their movements may be archived.
    """
    sqlite = connection.dialect.name == "sqlite"
    found = []
    for what, statement in _comparisons(sqlite):
        for store_id, product_id, which, expected, was in await connection.execute(statement, {"since": since}):
            found.append(Drift(store_id, product_id, f"{what} {which}", int(expected), int(was)))
    return found


def _comparisons(sqlite: bool) -> Iterator[tuple[str, Select[Any]]]:
    """Yields what is compared, and a statement for what differs: store, product, which, what must be and what is."""
    yield "units of allotment", _differing(_units(sqlite))
    yield "units of a sale, at least those drawn on allotment", _differing(_lines())
    yield "records of allotment", _differing(_records())


def _differing(source: Subquery) -> Select[Any]:
    s = source.c
    shown = select(s.store_id, s.product_id, s.which, s.expected, s.found)
    return shown.where(s.expected != s.found).limit(MAX_FINDINGS)


def _units(sqlite: bool) -> Subquery:
    """Returns the units that movements kept less those that sales drew, and those that the hold has."""
    m, d, none = movements.c, draws.c, number(0, BigInteger)
    # SQLite keeps an id without the dashes that it has in a movement's text.
    named = func.replace(m.document_id, "-", "") if sqlite else m.document_id
    older = case((_r.created_at < bindparam("since", type_=Instant()), 1), else_=0)
    held = select(_r.store_id, _r.product_id, _text(_r.id).label("which"), none.label("kept"))
    parts = (
        held.add_columns(case((_pending, _r.quantity), else_=0).label("left"), older.label("older")).where(
            _is_allotment
        ),
        select(m.store_id, m.product_id, named, m.reserved_change, none, none).where(m.kind.in_(_KINDS)),
        select(d.store_id, d.product_id, _text(d.allotment_id), -d.quantity, none, none),
    )
    all_ = parts[0].union_all(*parts[1:]).subquery("parts").c
    return (
        select(all_.store_id, all_.product_id, all_.which)
        .add_columns(summed(all_.kept).label("expected"), summed(all_.left).label("found"))
        .group_by(all_.store_id, all_.product_id, all_.which)
        .having(func.max(all_.older) == 0)
        .subquery("u")
    )


def _lines() -> Subquery:
    """Returns the units of each sale that were drawn, and as many of them as its lines have."""
    d, s = draws.c, sale_lines.c
    sold = (
        select(s.sale_id, s.store_id, s.product_id, summed(s.quantity).label("units"))
        .where(s.sale_id.in_(select(d.sale_id)))
        .group_by(s.sale_id, s.store_id, s.product_id)
        .subquery("sold")
    )
    taken = (
        select(d.sale_id, d.store_id, d.product_id, summed(d.quantity).label("units"))
        .add_columns(func.min(_text(d.allotment_id)).label("which"))
        .group_by(d.sale_id, d.store_id, d.product_id)
        .subquery("taken")
    )
    same = and_(*[taken.c[name] == sold.c[name] for name in ("sale_id", "store_id", "product_id")])
    units = func.coalesce(sold.c.units, 0)
    least = case((units < taken.c.units, units), else_=taken.c.units)
    return (
        select(taken.c.store_id, taken.c.product_id, taken.c.which)
        .add_columns(taken.c.units.label("expected"), least.label("found"))
        .select_from(taken.outerjoin(sold, same))
        .subquery("l")
    )


def _records() -> Subquery:
    """Returns 1, and whether what is known of a live allotment beside its hold is there and of the same terminal."""
    a = allotments.c
    same = and_(a.id == _r.id, a.store_id == _r.store_id, a.product_id == _r.product_id)
    there = case((a.terminal_id == _r.terminal_id, 1), else_=0)
    return (
        select(_r.store_id, _r.product_id, _text(_r.id).label("which"))
        .add_columns(number(1).label("expected"), there.label("found"))
        .select_from(reservations.outerjoin(allotments, same))
        .where(_is_allotment, _pending)
        .subquery("r")
    )


def _text(id_: ColumnElement[object]) -> ColumnElement[str]:
    return cast(id_, String)
