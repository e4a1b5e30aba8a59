"""Rules of what people do at the counter: attempts beyond the stock, odd sales, hoarded holds, other prices."""

from collections import Counter
from datetime import datetime, timedelta

from msgspec import Struct, json
from sqlalchemy import bindparam, func, literal_column, or_, select

from backend.database.reads import database_now
from backend.database.tables import Instant, commands, movements, reservations, sale_line_pricing, sale_lines, sales
from backend.model.answers import Code
from backend.reservations.queries import IS_HOLD

from .findings import LIMIT, Look, OpenAlert

REFUSALS_READ = 5_000
"""Refusals of the last hour that are counted, the latest first."""
USUAL = timedelta(days=7)
"""The sales of so long are the usual ones."""
USUAL_SALES = 20
"""Of fewer sales nobody knows what is usual."""
RECENT = timedelta(days=1)
"""How long a sale is told of that was odd, or at another price."""

_since = bindparam("since", type_=Instant())

REFUSED = (
    select(commands.c.answer, commands.c.at)
    .where(
        commands.c.store_id == bindparam("store_id"),
        commands.c.at >= _since,
        commands.c.answer.contains(Code.INSUFFICIENT_STOCK.value),
    )
    .order_by(commands.c.at.desc(), commands.c.id.desc())
    .limit(REFUSALS_READ)
)


class _Short(Struct):
    product_id: str


class _Refusal(Struct):
    code: str
    lines: list[_Short] = []


class _Recorded(Struct):
    refusal: _Refusal | None = None


async def negative_attempts(look: Look) -> list[OpenAlert]:
    """Returns the products of which more was asked for than was there, more often than usual in the last hour.

    Somebody sees them on the shelf: the count is wrong, or a hold or an allotment keeps what customers want.
    """
    attempts: Counter[str] = Counter()
    first: dict[str, datetime] = {}
    asked = {"store_id": look.store_id, "since": look.now - timedelta(hours=1)}
    for answer, at in await look.connection.execute(REFUSED, asked):
        refusal = json.decode(answer, type=_Recorded).refusal
        if refusal is None or refusal.code != Code.INSUFFICIENT_STOCK:
            continue  # the words stand in it for another reason
        for product_id in {line.product_id for line in refusal.lines}:
            attempts[product_id] += 1
            first[product_id] = at
    most = look.thresholds.refusals_an_hour
    return [
        OpenAlert(
            rule="negative_attempt",
            store_id=look.store_id,
            subject=product_id,
            since=first[product_id],
            value=number,
            threshold=most,
            sentence=f"{number} attempts in an hour asked for more of {product_id} than there was; count it.",
        )
        for product_id, number in sorted(attempts.items(), key=lambda pair: (-pair[1], pair[0]))[:LIMIT]
        if number > most
    ]


_sold = (sales.c.store_id == bindparam("store_id")) & (sales.c.sold_at >= _since)
_of_sale = (sale_lines.c.sale_id == sales.c.id) & (sale_lines.c.store_id == sales.c.store_id)
USUALLY = select(func.count(), func.coalesce(func.sum(sales.c.total_cents), 0)).where(_sold)
USUAL_UNITS = select(func.coalesce(func.sum(sale_lines.c.quantity), 0)).join(sales, _of_sale).where(_sold)
_units = func.sum(sale_lines.c.quantity)
ODD = (
    select(
        sales.c.id,
        sales.c.receipt_number,
        sales.c.actor,
        sales.c.terminal_id,
        sales.c.total_cents,
        sales.c.sold_at,
        _units.label("units"),
    )
    .join(sale_lines, _of_sale)
    .where(_sold)
    .group_by(
        sales.c.id, sales.c.receipt_number, sales.c.actor, sales.c.terminal_id, sales.c.total_cents, sales.c.sold_at
    )
    .having(or_(sales.c.total_cents > bindparam("cents"), _units > bindparam("most_units")))
    .order_by(sales.c.sold_at.desc(), sales.c.id)
    .limit(LIMIT)
)


async def odd_sales(look: Look) -> list[OpenAlert]:
    """Returns the sales of the last day whose total or units are far above what is usual in the store."""
    factor = look.thresholds.odd_sale_factor
    usual = {"store_id": look.store_id, "since": look.now - USUAL}
    number, cents = (await look.connection.execute(USUALLY, usual)).one()
    if number < USUAL_SALES:
        return []
    units = int(await look.connection.scalar(USUAL_UNITS, usual) or 0)
    most_cents, most_units = int(cents) * factor // number, units * factor // number
    asked = {"store_id": look.store_id, "since": look.now - RECENT, "cents": most_cents, "most_units": most_units}
    found = []
    for row in await look.connection.execute(ODD, asked):
        by_total = row.total_cents > most_cents
        name = row.receipt_number or str(row.id)
        found.append(
            OpenAlert(
                rule="odd_sale",
                store_id=look.store_id,
                subject=str(row.id),
                since=row.sold_at,
                value=row.total_cents if by_total else int(row.units),
                threshold=most_cents if by_total else most_units,
                actor=row.actor,
                terminal_id=row.terminal_id,
                sentence=f"Sale {name} has {int(row.units)} units for {row.total_cents / 100:.2f}; usual are"
                f" {units / number:.1f} units for {int(cents) / number / 100:.2f}.",
            )
        )
    return found


_r = reservations.c
# A literal: only so the partial index is used.
_alive = (
    (_r.store_id == bindparam("store_id"))
    & literal_column("reservations.status = 'PENDING'")
    & (_r.expires_at > database_now())
    & IS_HOLD
)
HOARDED = (
    select(
        _r.actor,
        _r.terminal_id,
        _r.product_id,
        func.sum(_r.quantity).label("units"),
        func.min(_r.created_at, type_=Instant()),
    )
    .where(_alive)
    .group_by(_r.actor, _r.terminal_id, _r.product_id)
    .having(func.sum(_r.quantity) > bindparam("most"))
    .order_by(func.sum(_r.quantity).desc(), _r.actor, _r.terminal_id, _r.product_id)
    .limit(LIMIT)
)
RENEWED = (
    select(_r.id, _r.actor, _r.terminal_id, func.max(_r.version) - 1, func.min(_r.created_at, type_=Instant()))
    .where(_alive, _r.version > bindparam("most") + 1)
    .group_by(_r.id, _r.actor, _r.terminal_id)
    .order_by(func.max(_r.version).desc(), _r.id)
    .limit(LIMIT)
)


async def hoarded_holds(look: Look) -> list[OpenAlert]:
    """Returns who holds very many units of a product, and the holds that were renewed again and again."""
    most, often = look.thresholds.held_units, look.thresholds.hold_renewals
    found = []
    rows = await look.connection.execute(HOARDED, {"store_id": look.store_id, "most": most})
    for actor, terminal_id, product_id, units, since in rows:
        place = f" at {terminal_id}" if terminal_id else ""
        found.append(
            OpenAlert(
                rule="hold_hoarding",
                store_id=look.store_id,
                subject=product_id,
                since=since,
                value=int(units),
                threshold=most,
                actor=actor,
                terminal_id=terminal_id,
                sentence=f"{actor}{place} holds {int(units)} units of {product_id}.",
            )
        )
    rows = await look.connection.execute(RENEWED, {"store_id": look.store_id, "most": often})
    for id_, actor, terminal_id, times, since in rows:
        found.append(
            OpenAlert(
                rule="hold_hoarding",
                store_id=look.store_id,
                subject=str(id_),
                since=since,
                value=times,
                threshold=often,
                actor=actor,
                terminal_id=terminal_id,
                sentence=f"Hold {id_} of {actor} was renewed {times} times.",
            )
        )
    return found[:LIMIT]


_m = movements.c
OTHER_PRICE = (
    select(
        _m.command_id,
        _m.document_id,
        _m.actor,
        _m.terminal_id,
        _m.reason,
        _m.at,
        func.sum(-_m.on_hand_change).label("units"),
    )
    .where(_m.store_id == bindparam("store_id"), _m.at >= _since, _m.kind == "sell", _m.reason != "")
    .group_by(_m.command_id, _m.document_id, _m.actor, _m.terminal_id, _m.reason, _m.at)
    .order_by(_m.at.desc(), _m.command_id)
    .limit(LIMIT)
)


DISCOUNTED = (
    select(
        sales.c.id,
        sales.c.receipt_number,
        sales.c.actor,
        sales.c.terminal_id,
        func.min(sale_line_pricing.c.discount_reason),
        sales.c.sold_at,
        _units,
    )
    .join(sale_lines, _of_sale)
    .join(
        sale_line_pricing,
        (sale_line_pricing.c.sale_id == sale_lines.c.sale_id)
        & (sale_line_pricing.c.store_id == sale_lines.c.store_id)
        & (sale_line_pricing.c.line == sale_lines.c.line),
    )
    .where(_sold, sale_line_pricing.c.discount_reason != "")
    .group_by(sales.c.id, sales.c.receipt_number, sales.c.actor, sales.c.terminal_id, sales.c.sold_at)
    .order_by(sales.c.sold_at.desc(), sales.c.id)
    .limit(LIMIT)
)


async def price_overrides(look: Look) -> list[OpenAlert]:
    """Returns the sales of the last day with a reason for another price than the catalogue's, latest first.

    The reason stands with the sale, or as that of a discount with some of its lines.
    """
    asked = {"store_id": look.store_id, "since": look.now - RECENT}
    found: dict[str, OpenAlert] = {}
    for statement in (OTHER_PRICE, DISCOUNTED):
        for id_, name, actor, terminal_id, reason, at, units in await look.connection.execute(statement, asked):
            sale = name or str(id_)
            alert = OpenAlert(
                rule="price_override",
                store_id=look.store_id,
                subject=str(id_),
                since=at,
                value=int(units),
                threshold=0,
                actor=actor,
                terminal_id=terminal_id,
                sentence=f"{actor} sold {int(units)} units at another price in sale {sale}: {reason}",
            )
            found.setdefault(alert.subject, alert)
    return sorted(found.values(), key=lambda alert: alert.since, reverse=True)[:LIMIT]
