"""The story of one stock number: its movements, with who, where and why."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database import Database
from backend.database_errors import translated
from backend.model.errors import InvalidInput
from backend.tables import movements, openings, products, stores, users


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


async def history_of(db: Database, store_id: str, sku: str, limit: int) -> History:
    """The last `limit` movements of `sku` (or of the product with that id) in a store.

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
    key = {"store_id": store_id, "product_id": product.id}
    count = await connection.scalar(_COUNT, key) or 0
    archived = await connection.scalar(_ARCHIVED, key) or 0
    rows = (await connection.execute(_STEPS, key | {"limit": limit})).all()
    steps = tuple([Step(*row) for row in reversed(rows)])
    return History(store_id, store_name, product.id, product.sku, product.name, count, archived, steps)


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
_STEPS = (
    select(
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
    )
    .select_from(movements.outerjoin(users, users.c.name == _m.actor))
    .where(_of_row)
    .order_by(_m.version.desc())
    .limit(bindparam("limit"))
)
