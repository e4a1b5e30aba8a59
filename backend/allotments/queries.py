"""Reading what terminals keep, and the policies of stores."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, String, Uuid, and_, bindparam, delete, func, literal_column, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now, moment
from backend.database.tables import Instant, allotment_policies, allotments, products, reservations, users
from backend.model.allotments import DEFAULT_POLICY, EVERY_PRODUCT, AllotmentPolicy, Beyond
from backend.model.commands import ProductId
from backend.model.reservations import NEVER
from backend.model.stock import Key


class AllotmentKey(NamedTuple):
    """A place among the allotments of a store: what follows comes behind it."""

    product_id: ProductId
    id: UUID


FIRST = AllotmentKey("", UUID(int=0))


class KeptAllotment(Struct, frozen=True):
    """Units that a terminal keeps. `wanted` of them are asked back for others, since `wanted_at`."""

    id: UUID
    store_id: str
    product_id: str
    sku: str
    product_name: str
    terminal_id: str
    quantity: int
    actor: str
    person: str
    """The name to show of who asked for it; the actor's own when no user has it."""
    due_at: datetime
    created_at: datetime
    updated_at: datetime
    wanted: int
    wanted_at: datetime | None
    overdue: bool
    """Its terminal has not renewed it in time. It keeps its units until that reports or somebody reclaims them."""


_r, _a = reservations.c, allotments.c
# A literal: only so the partial index is used.
_KEPT: ColumnElement[bool] = and_(literal_column("reservations.status = 'PENDING'"), _r.expires_at == NEVER)
_overdue = _a.due_at <= database_now()
_ALLOTMENTS = (
    select(
        _r.id,
        _r.store_id,
        _r.product_id,
        products.c.sku,
        products.c.name,
        _r.terminal_id,
        _r.quantity,
        _r.actor,
        func.coalesce(users.c.display_name, _r.actor),
        _a.due_at,
        _r.created_at,
        _r.updated_at,
        _a.wanted,
        _a.wanted_at,
        _overdue,
    )
    .select_from(
        reservations.join(allotments, and_(_a.id == _r.id, _a.store_id == _r.store_id))
        .join(products, products.c.id == _r.product_id)
        .outerjoin(users, users.c.name == _r.actor)
    )
    .where(_KEPT)
)
OF_STORE = (
    _ALLOTMENTS.where(
        _r.store_id == bindparam("store_id"),
        tuple_(_r.product_id, _r.id) > tuple_(bindparam("product", type_=String()), bindparam("id", type_=Uuid())),
    )
    .order_by(_r.product_id, _r.id)
    .limit(bindparam("limit"))
)
"""A page, by the index `ix_reservations_held`."""
_ONE = _ALLOTMENTS.where(_r.id == bindparam("id"))
_STORE = select(_a.store_id).where(_a.id == bindparam("id"))
OVERDUE = (
    select(_a.id, _a.terminal_id, _a.product_id, _r.quantity, _a.due_at)
    .join(reservations, and_(_r.id == _a.id, _r.store_id == _a.store_id))
    .where(_a.store_id == bindparam("store_id"), _a.due_at <= bindparam("now", type_=Instant()), _KEPT)
    .order_by(_a.due_at, _a.id)
    .limit(bindparam("limit"))
)
"""What is overdue in a store, by the index `ix_allotments_store_id_due_at`."""
_OTHERS = select(_r.product_id, _r.id, _r.quantity).where(
    _KEPT,
    _r.store_id == bindparam("store_id"),
    _r.terminal_id == bindparam("terminal_id"),
    _r.product_id.in_(bindparam("products", expanding=True)),
)
ENDED = text("""
DELETE FROM allotments WHERE due_at < :before AND NOT EXISTS (
    SELECT 1 FROM reservations WHERE reservations.id = allotments.id AND reservations.status = 'PENDING'
)""").bindparams(bindparam("before", type_=Instant()))


async def allotments_in(
    connection: AsyncConnection,
    store_id: str,
    *,
    product_id: str | None = None,
    terminal_id: str | None = None,
    overdue: bool = False,
    after: AllotmentKey = FIRST,
    limit: int = 500,
) -> list[KeptAllotment]:
    """Returns what the terminals of a store keep, by product: at most `limit` behind `after`.

    Of all of them, or of one product, of one terminal, of what is overdue.
    """
    query = OF_STORE
    if product_id is not None:
        query = query.where(_r.product_id == product_id)
    if terminal_id is not None:
        query = query.where(_r.terminal_id == terminal_id)
    if overdue:
        query = query.where(_overdue)
    where = {"store_id": store_id, "product": after.product_id, "id": after.id, "limit": limit}
    return [_kept(row) for row in await connection.execute(query, where)]


async def allotment_by_id(connection: AsyncConnection, allotment_id: UUID) -> KeptAllotment | None:
    """Returns an allotment that has not ended; None if there is no such one."""
    row = (await connection.execute(_ONE, {"id": allotment_id})).first()
    return None if row is None else _kept(row)


async def store_of_allotment(connection: AsyncConnection, allotment_id: UUID) -> str | None:
    """Returns the store of an allotment, also of one that has ended a moment ago; None if there is no such one."""
    store_id: str | None = await connection.scalar(_STORE, {"id": allotment_id})
    return store_id


async def kept_by(
    connection: AsyncConnection, store_id: str, terminal_id: str, product_ids: Collection[str]
) -> dict[str, dict[UUID, int]]:
    """Returns the units of each allotment of a terminal, by product."""
    asked = {"store_id": store_id, "terminal_id": terminal_id, "products": list(product_ids)}
    found: dict[str, dict[UUID, int]] = {}
    for product_id, id_, quantity in await connection.execute(_OTHERS, asked):
        found.setdefault(product_id, {})[id_] = quantity
    return found


def _kept(row: Sequence[object]) -> KeptAllotment:
    *fields, overdue = row
    return KeptAllotment(*fields, bool(overdue))  # type: ignore[call-arg, arg-type]  # the columns are its fields


class StoredPolicy(Struct, frozen=True):
    """A policy of a store, for one product or (`*`) for all that have none of their own."""

    store_id: str
    product_id: str
    policy: AllotmentPolicy


_p = allotment_policies.c
_POLICIES = (
    select(_p.store_id, _p.product_id, _p.units, _p.minutes, _p.beyond)
    .where(_p.store_id == bindparam("store_id"))
    .order_by(_p.product_id)
)
_POLICIES_OF = _POLICIES.where(_p.product_id.in_(bindparam("products", expanding=True)))
_PUT = text("""
INSERT INTO allotment_policies (store_id, product_id, units, minutes, beyond, updated_at)
VALUES (:store_id, :product_id, :units, :minutes, :beyond, :now)
ON CONFLICT (store_id, product_id) DO UPDATE SET units = excluded.units, minutes = excluded.minutes,
beyond = excluded.beyond, updated_at = excluded.updated_at
""").bindparams(bindparam("now", type_=Instant()))


async def policies_in(connection: AsyncConnection, store_id: str) -> list[StoredPolicy]:
    """Returns all policies of a store, by product."""
    rows = await connection.execute(_POLICIES, {"store_id": store_id})
    return [StoredPolicy(row[0], row[1], AllotmentPolicy(*row[2:4], Beyond(row[4]))) for row in rows]


async def policies_of(connection: AsyncConnection, keys: Collection[Key]) -> dict[Key, AllotmentPolicy]:
    """Returns the policy that holds for each key: its product's, else its store's, else the default."""
    found: dict[Key, AllotmentPolicy] = {}
    for store_id in {store_id for store_id, _ in keys}:
        wanted = [product_id for store, product_id in keys if store == store_id]
        rows = await connection.execute(_POLICIES_OF, {"store_id": store_id, "products": [*wanted, EVERY_PRODUCT]})
        stored = {row[1]: AllotmentPolicy(*row[2:4], Beyond(row[4])) for row in rows}
        default = stored.get(EVERY_PRODUCT, DEFAULT_POLICY)
        found |= {(store_id, product_id): stored.get(product_id, default) for product_id in wanted}
    return found


async def put_policy(connection: AsyncConnection, store_id: str, product_id: str, policy: AllotmentPolicy) -> None:
    """Writes a policy, whole."""
    values = {"store_id": store_id, "product_id": product_id, "units": policy.units, "minutes": policy.minutes}
    await connection.execute(_PUT, values | {"beyond": policy.beyond.value, "now": await moment(connection)})


async def remove_policy(connection: AsyncConnection, store_id: str, product_id: str) -> bool:
    """Deletes a policy; False if there was none."""
    row = delete(allotment_policies).where(_p.store_id == store_id, _p.product_id == product_id)
    return (await connection.execute(row)).rowcount == 1


async def forget_ended(connection: AsyncConnection, before: datetime) -> int:
    """Deletes what was known of allotments that have ended and were due before; returns how many."""
    return (await connection.execute(ENDED, {"before": before})).rowcount
