"""Rules of what should go on by itself and does not: goods on their way, terminals, and numbers that do not add up."""

from datetime import timedelta

from sqlalchemy import Column, Select, bindparam, func, or_, select, union_all

from backend.allotments.queries import OVERDUE
from backend.database.tables import Instant, documents, movements, sessions, stock
from backend.model.stock import BALANCES
from backend.model.transfers import IN_FLIGHT, TRANSFER

from .findings import LIMIT, Look, OpenAlert

_d = documents.c


def _stuck(store: Column[str], status: str) -> Select[tuple[object, ...]]:
    found = (
        select(_d.id, _d.store_id, _d.other_store_id, _d.status, _d.updated_at)
        .where(
            store == bindparam("store_id"),
            _d.kind == TRANSFER.name,
            _d.status == status,
            _d.updated_at < bindparam("before", type_=Instant()),
        )
        .order_by(_d.updated_at)
        .limit(LIMIT)
        .subquery()
    )
    return select(found)


_FOUND = union_all(*[_stuck(store, s) for store in (_d.store_id, _d.other_store_id) for s in IN_FLIGHT]).subquery()
STUCK = select(_FOUND).order_by(_FOUND.c.updated_at, _FOUND.c.id).limit(LIMIT)
"""A walk of an index of the lists for each side and status."""


async def stuck_transfers(look: Look) -> list[OpenAlert]:
    """Returns the transfers that have been on their way for too long without a step, sent or awaited by the store."""
    hours = look.thresholds.transfer_hours
    asked = {"store_id": look.store_id, "before": look.now - timedelta(hours=hours)}
    found = []
    for id_, source, destination, status, since in await look.connection.execute(STUCK, asked):
        value = int((look.now - since).total_seconds() // 3600)
        found.append(
            OpenAlert(
                rule="stuck_transfer",
                store_id=look.store_id,
                subject=str(id_),
                since=since,
                value=value,
                threshold=hours,
                sentence=f"Transfer {id_} from {source} to {destination} is {status}, with no step for {value} hours.",
            )
        )
    return found


async def overdue_allotments(look: Look) -> list[OpenAlert]:
    """Returns what terminals keep and have not renewed in time. Nothing ends it but the terminal or a person."""
    asked = {"store_id": look.store_id, "now": look.now, "limit": LIMIT}
    found = []
    for id_, terminal_id, product_id, units, since in await look.connection.execute(OVERDUE, asked):
        value = int((look.now - since).total_seconds() // 60)
        found.append(
            OpenAlert(
                rule="overdue_allotment",
                store_id=look.store_id,
                subject=str(id_),
                since=since,
                value=value,
                threshold=0,
                terminal_id=terminal_id,
                sentence=f"Terminal {terminal_id} keeps {units} units of {product_id} and should have renewed them"
                f" {value} minutes ago; look after it, or reclaim them.",
            )
        )
    return found


_heard = func.max(func.coalesce(sessions.c.renewed_at, sessions.c.created_at), type_=Instant())
SILENT = (
    select(sessions.c.terminal_id, _heard, func.min(sessions.c.user_name))
    .where(
        sessions.c.store_id == bindparam("store_id"),
        sessions.c.expires_at > bindparam("now", type_=Instant()),
        sessions.c.ended_at.is_(None),
    )
    .group_by(sessions.c.terminal_id)
    .having(_heard < bindparam("before", type_=Instant()))
    .order_by(sessions.c.terminal_id)
    .limit(LIMIT)
)


async def silent_terminals(look: Look) -> list[OpenAlert]:
    """Returns the terminals at which somebody is signed in and which were not heard of for too long.

    A terminal renews its session every few minutes, whether anybody sells at it or not. Whoever signs out when the shop
    closes ends the session, and nobody is told.
    """
    minutes = look.thresholds.silent_minutes
    asked = {"store_id": look.store_id, "now": look.now, "before": look.now - timedelta(minutes=minutes)}
    found = []
    for terminal_id, heard, user in await look.connection.execute(SILENT, asked):
        value = int((look.now - heard).total_seconds() // 60)
        found.append(
            OpenAlert(
                rule="silent_terminal",
                store_id=look.store_id,
                subject=terminal_id,
                since=heard,
                value=value,
                threshold=minutes,
                actor=user,
                terminal_id=terminal_id,
                sentence=f"Terminal {terminal_id}, where {user} is signed in, was last heard of {value} minutes ago.",
            )
        )
    return found


DRIFTED = (
    select(
        stock.c.product_id,
        movements.c.at,
        *[stock.c[name].label(f"stock_{name}") for name in BALANCES],
        *[movements.c[name].label(f"moved_{name}") for name in BALANCES],
    )
    .join(
        movements,
        # The moment is written with the row too; by it PostgreSQL looks into one month only.
        (movements.c.store_id == stock.c.store_id)
        & (movements.c.product_id == stock.c.product_id)
        & (movements.c.version == stock.c.version)
        & (movements.c.at == stock.c.updated_at),
    )
    .where(
        stock.c.store_id == bindparam("store_id"),
        or_(*[stock.c[name] != movements.c[name] for name in BALANCES]),
    )
    .order_by(stock.c.product_id)
    .limit(LIMIT)
)
"""Rows that are not what their last movement left. Whether all movements add up, `verify` and the drift gauge say."""


async def drifts(look: Look) -> list[OpenAlert]:
    """Returns the stock rows that somebody changed by other means than a movement."""
    found = []
    for row in await look.connection.execute(DRIFTED, {"store_id": look.store_id}):
        of = row._mapping
        off = {name: of[f"stock_{name}"] - of[f"moved_{name}"] for name in BALANCES}
        told = ", ".join(
            f"{name} is {of[f'stock_{name}']} and not {of[f'moved_{name}']}" for name, units in off.items() if units
        )
        found.append(
            OpenAlert(
                rule="drift",
                store_id=look.store_id,
                subject=row.product_id,
                since=row.at,
                value=sum(map(abs, off.values())),
                threshold=0,
                sentence=f"The stock of {row.product_id} is not what its last movement left: {told}. Run verify.",
            )
        )
    return found
