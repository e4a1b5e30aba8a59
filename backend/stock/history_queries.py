"""Movements, with who, where and why: the story of one stock number, and all of a store in the order of time."""

from datetime import datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from msgspec import Meta, Struct
from sqlalchemy import BigInteger, Select, String, bindparam, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.allotments.queries import KeptAllotment, allotments_in
from backend.database.engine import Database
from backend.database.errors import translated
from backend.database.tables import Instant, movements, openings, products, stores, users
from backend.model.commands import ProductId
from backend.model.errors import InvalidInput

MAX_VERSION = 2**63 - 1


class Step(Struct, frozen=True):
    """One movement: the signed changes, and the numbers after it."""

    version: int
    at: datetime
    kind: str
    on_hand_change: int
    reserved_change: int
    on_hand: int
    reserved: int
    available: int
    actor: str
    person: str
    """The name to show; the actor's own when no user has it."""
    terminal_id: str
    document_id: str
    reason: str
    command_id: UUID
    unavailable_change: int
    allocated_change: int
    incoming_change: int


class StoreStep(Step, frozen=True):
    """One movement among those of all products of a store."""

    product_id: str


class StepKey(NamedTuple):
    """A place among the movements of a store: what follows is older."""

    at: Annotated[datetime, Meta(tz=True)]
    product_id: ProductId
    version: Annotated[int, Meta(ge=1, le=MAX_VERSION)]


class History(Struct, frozen=True):
    """The last movements of a product in a store, oldest first; `movements` counts all that are in the database."""

    store_id: str
    store_name: str
    product_id: str
    sku: str
    product_name: str
    movements: int
    archived: int
    """Movements before these, which `mostrador archive` moved to files."""
    steps: tuple[Step, ...]
    allotments: tuple[KeptAllotment, ...] = ()
    """What terminals keep of what is reserved."""


async def history_of(db: Database, store_id: str, sku: str, limit: int) -> History:
    """Returns the last `limit` movements of `sku` (or of the product with that id) in a store.

    Raises InvalidInput for a store or a product that does not exist.
    """
    with translated(db.url):
        async with db.snapshot.connect() as connection:
            return await _history(connection, store_id, sku, limit)


async def _history(connection: AsyncConnection, store_id: str, sku: str, limit: int) -> History:
    store_name = await connection.scalar(_STORE, {"store_id": store_id})
    if store_name is None:
        raise InvalidInput("store", f"There is no store {store_id}; check the store id.")
    product = (await connection.execute(_PRODUCT, {"sku": sku})).first()
    if product is None:
        raise InvalidInput("sku", f"There is no product {sku}; check the code.")
    count, archived, steps = await story_of(connection, store_id, product.id, limit)
    head = (store_id, store_name, product.id, product.sku, product.name)
    kept = await allotments_in(connection, store_id, product_id=product.id)
    return History(*head, count, archived, tuple(reversed(steps)), tuple(kept))


async def story_of(
    connection: AsyncConnection, store_id: str, product_id: str, limit: int, before: int = MAX_VERSION
) -> tuple[int, int, list[Step]]:
    """Returns how many movements are there, how many were archived, and the latest `limit` before version `before`."""
    key = {"store_id": store_id, "product_id": product_id}
    count = await connection.scalar(_COUNT, key) or 0
    archived = await connection.scalar(_ARCHIVED, key) or 0
    rows = await connection.execute(STORY, key | {"before": before, "limit": limit})
    return count, archived, [Step(*row) for row in rows]


async def movements_of(
    connection: AsyncConnection, store_id: str, product_id: str | None, since: datetime, place: StepKey, limit: int
) -> list[StoreStep]:
    """Returns at most `limit` movements of a store (and product) that follow `place`, latest first, none before
    `since`."""
    values = {"store_id": store_id, "since": since, "limit": limit, **place._asdict()}
    statement, more = (OF_STORE, {}) if product_id is None else (OF_PRODUCT, {"one_product": product_id})
    return [StoreStep(*row) for row in await connection.execute(statement, values | more)]


_STORE = select(stores.c.name).where(stores.c.id == bindparam("store_id"))
_PRODUCT = (
    select(products.c.id, products.c.sku, products.c.name)
    .where(or_(products.c.sku == bindparam("sku"), products.c.id == bindparam("sku")))
    .order_by(products.c.sku != bindparam("sku"))  # a SKU before another product's id
)
_m = movements.c
_of_row = (_m.store_id == bindparam("store_id")) & (_m.product_id == bindparam("product_id"))
_COUNT = select(func.count()).select_from(movements).where(_of_row)
_ARCHIVED = select(openings.c.version).where(
    openings.c.store_id == bindparam("store_id"), openings.c.product_id == bindparam("product_id")
)
_STEPS: Select[*tuple[Any, ...]] = select(
    _m.version,
    _m.at,
    _m.kind,
    _m.on_hand_change,
    _m.reserved_change,
    _m.on_hand,
    _m.reserved,
    (_m.on_hand - _m.unavailable - _m.allocated - _m.reserved).label("available"),
    _m.actor,
    func.coalesce(users.c.display_name, _m.actor),
    _m.terminal_id,
    _m.document_id,
    _m.reason,
    _m.command_id,
    _m.unavailable_change,
    _m.allocated_change,
    _m.incoming_change,
).select_from(movements.outerjoin(users, users.c.name == _m.actor))
STORY = _STEPS.where(_of_row, _m.version < bindparam("before")).order_by(_m.version.desc()).limit(bindparam("limit"))
STORE_STEPS = _STEPS.add_columns(_m.product_id)
OF_STORE = (
    STORE_STEPS.where(
        _m.store_id == bindparam("store_id"),
        _m.at >= bindparam("since"),
        tuple_(_m.at, _m.product_id, _m.version)
        < tuple_(
            bindparam("at", type_=Instant()),
            bindparam("product_id", type_=String()),
            bindparam("version", type_=BigInteger()),
        ),
    )
    .order_by(_m.at.desc(), _m.product_id.desc(), _m.version.desc())
    .limit(bindparam("limit"))
)
"""A page, by the index `ix_movements_store_id_at`."""
OF_PRODUCT = OF_STORE.where(_m.product_id == bindparam("one_product"))
