"""The proof: every balance is the sum of its movements, every reserved unit is in a hold, every sale moved its units.

All of it is counted by the database, in one snapshot, so it is right while servers write and its memory stays flat.
"""

import operator
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Uuid,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    text,
    union,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.engine import Database
from backend.database.errors import DatabaseDamaged, named, translated
from backend.database.partitions import CLOCK_STEP, keep_partitions
from backend.database.reads import moment
from backend.database.tables import (
    Instant,
    archives,
    commands,
    movements,
    openings,
    reservations,
    sale_line_pricing,
    sale_lines,
    sales,
    stock,
    tenders,
)
from backend.model.forgetting import first_remembered
from backend.model.stock import BALANCES
from backend.model.verbs import MOVEMENT_KINDS
from backend.model.verbs.verb import Sign

from .accounts import accounted
from .allotments import allotted
from .drifts import Drift
from .promises import promised
from .returned import returned_as_sold
from .shortfalls import lacking
from .sums import CHANGES, summed

MAX_FINDINGS = 1000
"""Rows that are listed of one comparison; a database with more of them needs a restore, not a list."""


_EVER = datetime(1, 1, 1, tzinfo=UTC)


class Proof(Struct, frozen=True):
    """What was counted, in rows and in units. It proves the stock when `drifts` is empty."""

    stock_rows: int
    movements: int
    commands: int
    sales: int
    open_holds: int
    units_on_hand: int
    units_reserved: int
    units_sold: int
    """By the movements of kind `sell`, the archived ones too."""
    drifts: tuple[Drift, ...]


async def prove(db: Database) -> Proof:
    """Count and compare everything. Raises DatabaseDamaged, DatabaseAway and their like."""
    with translated(db.url):
        async with db.snapshot.connect() as connection:
            if db.dialect == "sqlite":
                await _check_file(connection, db.url)
            await keep_partitions(connection)
            totals = (await connection.execute(_TOTALS)).one()
            until = await connection.scalar(select(func.max(archives.c.until)))
            whole = until + CLOCK_STEP if until else _EVER
            bounds = {"remembered": first_remembered(await moment(connection)), "whole": whole}
            drifts = [drift for comparison in _comparisons() for drift in await comparison.drifts(connection, bounds)]
            drifts += await promised(connection)
            drifts += await accounted(connection, whole)
            drifts += await allotted(connection, whole)
            drifts += await lacking(connection)
            drifts += await returned_as_sold(connection)
    return Proof(*totals, drifts=tuple(drifts))


async def units_moved_by(db: Database, receipts: str) -> int:
    """Returns the units that sales took from stock, of the receipts whose numbers begin with `receipts`."""
    moved = select(summed(-movements.c.on_hand_change)).where(
        movements.c.kind == "sell", movements.c.document_id.startswith(receipts, autoescape=True)
    )
    with translated(db.url):
        async with db.engine.connect() as connection:
            return await connection.scalar(moved) or 0


async def _check_file(connection: AsyncConnection, url: str) -> None:
    # The counting trusts the indexes; this makes sure that they agree with their tables.
    if await connection.scalar(text("PRAGMA integrity_check(1)")) != "ok":
        raise DatabaseDamaged(f"{named(url)} is damaged; restore it from a backup.")


Pair = tuple[ColumnElement[int], ColumnElement[int]]
"""The number that must be, and the number that is."""


class _Comparison:
    """Pairs of numbers over the rows of a source with `store_id`, `product_id` and `which` (a version, a document)."""

    def __init__(self, source: FromClause, pairs: Mapping[str, Pair]) -> None:
        self._names = tuple(pairs)
        numbers = [number for pair in pairs.values() for number in pair]
        self._statement = (
            select(source.c.store_id, source.c.product_id, source.c.which, *numbers)
            .where(or_(*[expected != found for expected, found in pairs.values()]))
            .limit(MAX_FINDINGS)
        )

    async def drifts(self, connection: AsyncConnection, bounds: Mapping[str, Any]) -> list[Drift]:
        """Returns every pair that differs.

        Command ids before the bound `remembered` may have been forgotten, movements before `whole` archived.
        """
        rows = await connection.execute(self._statement, bounds)
        return [drift for row in rows for drift in self._of(tuple(row))]

    def _of(self, row: tuple[Any, ...]) -> Iterator[Drift]:
        store_id, product_id, which, *numbers = row
        for name, expected, found in zip(self._names, numbers[::2], numbers[1::2], strict=True):
            if expected != found:
                yield Drift(store_id, product_id, f"{name} {which}".rstrip(), expected, found)


_NO = literal("")
_row = (movements.c.store_id, movements.c.product_id)


def _or_zero(column: ColumnElement[int]) -> ColumnElement[int]:
    return func.coalesce(column, 0)


def _balances() -> _Comparison:
    """Stock rows against the sums of their movements, the last movement, and the open holds. No row means zeros.

    A sum begins with the opening balance, which stands for the movements that were archived.
    """
    folded = (
        select(
            *_row,
            func.count().label("movements"),
            func.min(movements.c.version).label("first"),
            func.max(movements.c.version).label("last"),
            *CHANGES,
        )
        .group_by(*_row)
        .cte("folded")
    )
    hold = reservations.c
    held = (
        select(hold.store_id, hold.product_id, summed(hold.quantity).label("units"))
        .where(hold.status == "PENDING")
        .group_by(hold.store_id, hold.product_id)
        .cte("held")
    )
    keys = union(*[select(x.c.store_id, x.c.product_id) for x in (stock, openings, folded, held)]).cte("keys")

    def same(other: FromClause) -> ColumnElement[bool]:
        return and_(other.c.store_id == keys.c.store_id, other.c.product_id == keys.c.product_id)

    counters = (*BALANCES, "version")
    numbers = [
        *[_or_zero(stock.c[name]).label(f"now_{name}") for name in counters],
        *[func.coalesce(movements.c[name], openings.c[name], 0).label(f"last_{name}") for name in counters],
        *[(_or_zero(openings.c[x]) + _or_zero(folded.c[x])).label(f"sum_{x}") for x in BALANCES],
        (_or_zero(openings.c.version) + _or_zero(folded.c.movements)).label("sum_movements"),
        folded.c.first.label("first"),
        _or_zero(openings.c.version).label("opening"),
        _or_zero(held.c.units).label("held"),
    ]
    joined = (
        keys.outerjoin(stock, same(stock))
        .outerjoin(openings, same(openings))
        .outerjoin(folded, same(folded))
        .outerjoin(movements, and_(same(movements), movements.c.version == folded.c.last))
        .outerjoin(held, same(held))
    )
    source = select(keys.c.store_id, keys.c.product_id, _NO.label("which"), *numbers).select_from(joined).subquery("b")
    b = source.c
    pairs = {f"{name} after the last movement": (b[f"last_{name}"], b[f"now_{name}"]) for name in counters} | {
        "number of movements": (b.last_version, b.sum_movements),
        "first movement": (b.opening + 1, func.coalesce(b.first, b.opening + 1)),
        **{f"{name} as the sum of movements": (b[f"sum_{name}"], b[f"now_{name}"]) for name in BALANCES},
        "reserved as the sum of open holds": (b.held, b.now_reserved),
    }
    return _Comparison(source, pairs)


def _steps() -> _Comparison:
    """Compares each movement with the one before it; no step of any history may go below zero."""
    m = movements.c

    def before(name: str) -> ColumnElement[int]:
        lag = func.lag(m[name]).over(partition_by=_row, order_by=m.version)
        return func.coalesce(lag, openings.c[name], 0)

    opened = and_(openings.c.store_id == m.store_id, openings.c.product_id == m.product_id)
    steps = select(
        *_row,
        m.version.label("which"),
        *[(before(name) + m[f"{name}_change"]).label(f"expected_{name}") for name in BALANCES],
        *[m[name] for name in BALANCES],
        (m.on_hand - m.unavailable - m.allocated - m.reserved).label("available"),
    ).select_from(movements.outerjoin(openings, opened))
    s = steps.subquery("s")

    def not_below_zero(column: ColumnElement[int]) -> Pair:
        return literal(0), case((column < 0, column), else_=0)

    pairs: dict[str, Pair] = {f"{name} after movement": (s.c[f"expected_{name}"], s.c[name]) for name in BALANCES}
    pairs |= {f"negative {name} after movement": not_below_zero(s.c[name]) for name in (*BALANCES, "available")}
    return _Comparison(s, pairs)


def _causes() -> _Comparison:
    """Compares: each movement has a recorded command, unless the id is so old that it may have been forgotten.

    The id is what counts: a sale that waited in a terminal's journal is older than its movements, and forgotten first.
    """
    known = and_(commands.c.id == movements.c.command_id, commands.c.store_id == movements.c.store_id)
    joined = movements.outerjoin(commands, known)
    recorded = case((commands.c.id.is_(None), 0), else_=1).label("recorded")
    young = movements.c.command_id >= bindparam("remembered", type_=Uuid())
    c = select(*_row, movements.c.command_id.label("which"), recorded).select_from(joined).where(young).subquery("c")
    return _Comparison(c, {"recorded command": (literal(1), c.c.recorded)})


def _sold_units() -> _Comparison:
    """Returns the lines of sales, less what they were short of, against the movements of kind `sell`, the archived ones
    too. `proof.shortfalls` looks after the rest."""
    line = sale_lines.c
    nothing = literal(0)
    moved = select(*_row, (-movements.c.on_hand_change).label("moved"), nothing.label("lined"))
    both = (
        moved.where(movements.c.kind == "sell")
        .union_all(
            select(line.store_id, line.product_id, nothing, line.quantity - line.short),
            select(openings.c.store_id, openings.c.product_id, openings.c.sold, nothing),
        )
        .subquery("both")
        .c
    )
    s = (
        select(both.store_id, both.product_id, _NO.label("which"), summed(both.moved).label("moved"))
        .add_columns(summed(both.lined).label("lined"))
        .group_by(both.store_id, both.product_id)
        .subquery("s")
    )
    return _Comparison(s, {"units sold by movements": (s.c.lined, s.c.moved)})


def _arrivals() -> _Comparison:
    """Returns what a command took from one store against what it brought to another, while both are in the database.

    It is so for the movements whose kind says that they conserve units; what is incoming has left the other store.
    """
    m = movements.c
    change = m.on_hand_change + m.incoming_change
    taken = summed(case((change < 0, -change), else_=0)).label("taken")
    brought = summed(case((change > 0, change), else_=0)).label("brought")
    conserved = [kind.name for kind in MOVEMENT_KINDS.values() if kind.conserved]
    t = (
        select(func.min(m.store_id).label("store_id"), m.product_id, m.command_id.label("which"), taken, brought)
        .where(m.kind.in_(conserved), m.at >= bindparam("whole", type_=Instant()))
        .group_by(m.command_id, m.product_id)
        .subquery("t")
    )
    return _Comparison(t, {"units arrived by transfer": (t.c.taken, t.c.brought)})


_REFUSED_SIGN = {Sign.MORE: operator.lt, Sign.LESS: operator.gt}


def _kinds() -> _Comparison:
    """Compares: each movement changes only the balances that its kind may change, in the direction in which it may."""
    m = movements.c
    wrong = []
    for kind in MOVEMENT_KINDS.values():
        for name in BALANCES:
            sign, change = kind.changes.get(name), m[f"{name}_change"]
            if sign is not Sign.EITHER:
                refused = operator.ne if sign is None else _REFUSED_SIGN[sign]
                wrong.append(and_(m.kind == kind.name, refused(change, 0)))
    k = select(*_row, m.version.label("which"), case((or_(*wrong), 1), else_=0).label("wrong")).subquery("k")
    return _Comparison(k, {"balances that a movement of this kind may change": (literal(0), k.c.wrong)})


def _sale_totals() -> _Comparison:
    """Returns the total of each sale against its lines and the tax that is added to them, in cents."""
    lines = sales.outerjoin(
        sale_lines, and_(sale_lines.c.sale_id == sales.c.id, sale_lines.c.store_id == sales.c.store_id)
    )
    added = case((sale_line_pricing.c.tax_included.is_(False), sale_line_pricing.c.tax_cents), else_=0)
    lines = lines.outerjoin(
        sale_line_pricing,
        and_(
            sale_line_pricing.c.sale_id == sale_lines.c.sale_id,
            sale_line_pricing.c.store_id == sale_lines.c.store_id,
            sale_line_pricing.c.line == sale_lines.c.line,
        ),
    )
    line = sale_lines.c
    amount = (2 * line.quantity * line.price_cents + line.price_per) // (2 * line.price_per)  # as UnitPrice.of
    total = summed(amount + added).label("lines")
    s = (
        select(sales.c.store_id, _NO.label("product_id"), sales.c.id.label("which"), sales.c.total_cents, total)
        .select_from(lines)
        .group_by(sales.c.store_id, sales.c.id, sales.c.total_cents)
        .subquery("s")
    )
    return _Comparison(s, {"cents of sale": (s.c.lines, s.c.total_cents)})


def _tenders() -> _Comparison:
    """Returns what each sale was paid with, if that was said, against its total; nothing more of it was given back."""
    t, same_store = tenders.c, tenders.c.store_id == sales.c.store_id
    own = case((t.id == sales.c.id, t.amount_cents), else_=0)
    back = case((t.id != sales.c.id, -t.amount_cents), else_=0)
    p = (
        select(sales.c.store_id, _NO.label("product_id"), sales.c.id.label("which"), sales.c.total_cents)
        .add_columns(func.max(case((t.id == sales.c.id, 1), else_=0)).label("said"))
        .add_columns(summed(own).label("paid"), summed(back).label("refunded"))
        .select_from(sales.join(tenders, and_(t.sale_id == sales.c.id, same_store)))
        .group_by(sales.c.store_id, sales.c.id, sales.c.total_cents)
        .subquery("p")
    )
    paid = p.c
    too_much = case((paid.refunded > paid.total_cents, paid.refunded), else_=paid.total_cents)
    pairs: dict[str, Pair] = {
        "cents of tenders of sale": (case((paid.said == 1, paid.total_cents), else_=0), paid.paid),
        "cents at most refunded of sale": (paid.total_cents, too_much),
    }
    return _Comparison(p, pairs)


def _holds() -> _Comparison:
    """Returns the rows of one hold share everything but product and units."""
    shared = [c for c in reservations.c if c.name not in ("id", "product_id", "quantity", "confirmed")]
    agree = and_(*[func.min(column) == func.max(column) for column in shared])
    h = (
        select(func.min(reservations.c.store_id).label("store_id"), _NO.label("product_id"))
        .add_columns(reservations.c.id.label("which"), case((agree, 1), else_=2).label("states"))
        .group_by(reservations.c.id)
        .subquery("h")
    )
    return _Comparison(h, {"states of hold": (literal(1), h.c.states)})


def _comparisons() -> list[_Comparison]:
    """Returns all of them; verbs may have been registered since the last time."""
    makers = (_balances, _steps, _causes, _sold_units, _arrivals, _kinds, _sale_totals, _tenders, _holds)
    return [make() for make in makers]


_sold = case((movements.c.kind == "sell", -movements.c.on_hand_change), else_=0)
_archived = select(summed(openings.c.sold)).scalar_subquery()
_TOTALS = select(
    select(func.count()).select_from(stock).scalar_subquery(),
    select(func.count()).select_from(movements).scalar_subquery(),
    select(func.count()).select_from(commands).scalar_subquery(),
    select(func.count()).select_from(sales).scalar_subquery(),
    select(func.count(reservations.c.id.distinct())).where(reservations.c.status == "PENDING").scalar_subquery(),
    select(summed(stock.c.on_hand)).scalar_subquery(),
    select(summed(stock.c.reserved)).scalar_subquery(),
    select(summed(_sold)).scalar_subquery() + _archived,
)
