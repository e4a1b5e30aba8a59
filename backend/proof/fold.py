"""The sums of movements and holds beside the counters of stock, a bounded slice of rows at a time."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import movements, openings, reservations, stock
from backend.model.stock import BALANCES, Key

from .drifts import Drift
from .sums import CHANGES, summed

NOWHERE: Key = ("", "")
"""Before the first row."""


class Part(Struct, frozen=True):
    """The movements of one row up to a version, folded; the archived ones stand in its opening."""

    version: int = 0
    balances: tuple[int, ...] = (0,) * len(BALANCES)
    """In the order of BALANCES."""


class Slice(Struct, frozen=True):
    """Rows of one store that lie side by side, and how many movements they have."""

    store_id: str
    first: str
    last: str
    rows: int
    movements: int


def _within(table: Any) -> ColumnElement[bool]:
    return and_(
        table.c.store_id == bindparam("store_id"), table.c.product_id.between(bindparam("first"), bindparam("last"))
    )


_NEXT = (
    select(stock.c.store_id, stock.c.product_id, stock.c.version)
    .where(tuple_(stock.c.store_id, stock.c.product_id) > tuple_(bindparam("store_id"), bindparam("product_id")))
    .order_by(stock.c.store_id, stock.c.product_id)
    .limit(bindparam("limit"))
)
_PART = select(*CHANGES).where(
    movements.c.store_id == bindparam("store_id"),
    movements.c.product_id == bindparam("product_id"),
    movements.c.version > bindparam("after"),
    movements.c.version <= bindparam("upto"),
)


_OPENING = select(openings.c.version, *[openings.c[name] for name in BALANCES]).where(
    openings.c.store_id == bindparam("store_id"), openings.c.product_id == bindparam("product_id")
)


def _compare() -> Select[Any]:
    """Returns one statement, so one moment: the counters, and what their movements and holds add up to."""
    moved = (
        select(movements.c.product_id, *CHANGES)
        .where(_within(movements), movements.c.version > bindparam("after"))
        .group_by(movements.c.product_id)
        .subquery("moved")
    )
    held = (
        select(reservations.c.product_id, summed(reservations.c.quantity).label("units"))
        .where(_within(reservations), literal_column("reservations.status = 'PENDING'"))
        .group_by(reservations.c.product_id)
        .subquery("held")
    )
    return (
        select(
            stock.c.store_id,
            stock.c.product_id,
            *[stock.c[name] for name in BALANCES],
            *[func.coalesce(moved.c[name], 0).label(f"moved_{name}") for name in BALANCES],
            func.coalesce(held.c.units, 0).label("held"),
            func.coalesce(openings.c.version, 0).label("opening_version"),
            *[func.coalesce(openings.c[name], 0).label(f"opening_{name}") for name in BALANCES],
        )
        .select_from(
            stock.outerjoin(moved, moved.c.product_id == stock.c.product_id)
            .outerjoin(held, held.c.product_id == stock.c.product_id)
            .outerjoin(
                openings,
                and_(openings.c.store_id == stock.c.store_id, openings.c.product_id == stock.c.product_id),
            )
        )
        .where(_within(stock))
    )


_COMPARE = _compare()


async def next_slice(connection: AsyncConnection, after: Key, *, rows: int, movements: int) -> Slice | None:
    """Returns the rows that follow the row `after`: of one store, at most `rows`, with at most `movements` or just one
    row.

    A row's version is the number of its movements, so what a slice costs is known before it is folded.
    """
    where = {"store_id": after[0], "product_id": after[1], "limit": rows}
    found = (await connection.execute(_NEXT, where)).all()
    if not found:
        return None
    taken, cost = 0, 0
    for row in found:
        if taken and (row.store_id != found[0].store_id or cost + row.version > movements):
            break
        taken, cost = taken + 1, cost + row.version
    return Slice(found[0].store_id, found[0].product_id, found[taken - 1].product_id, taken, cost)


async def fold_part(connection: AsyncConnection, key: Key, part: Part, upto: int) -> Part:
    """Returns `part` and the movements of the row `key` that follow it, up to the version `upto`."""
    where = {"store_id": key[0], "product_id": key[1], "after": part.version, "upto": upto}
    row = (await connection.execute(_PART, where)).one()
    opening = (await connection.execute(_OPENING, {"store_id": key[0], "product_id": key[1]})).one_or_none()
    if opening is not None and opening.version > part.version:
        return Part(opening.version, tuple(opening[1:]))  # what was to be read next has been archived
    return Part(upto, tuple([sum(pair) for pair in zip(part.balances, row, strict=True)]))


async def differences(connection: AsyncConnection, piece: Slice, part: Part) -> list[Drift]:
    """Returns what does not add up in `piece`; `part` is what is folded already when the slice is one long row."""
    where = {"store_id": piece.store_id, "first": piece.first, "last": piece.last, "after": part.version}
    return [x for row in await connection.execute(_COMPARE, where) for x in _of(row, part)]


def _of(row: Row[Any], part: Part) -> Iterator[Drift]:
    columns = row._mapping
    if row.opening_version > part.version:
        part = Part(row.opening_version, tuple([columns[f"opening_{name}"] for name in BALANCES]))
    pairs = [
        (f"{name} as the sum of movements", folded + columns[f"moved_{name}"], columns[name])
        for name, folded in zip(BALANCES, part.balances, strict=True)
    ]
    for what, expected, found in (*pairs, ("reserved as the sum of open holds", row.held, row.reserved)):
        if expected != found:
            yield Drift(row.store_id, row.product_id, what, expected, found)
