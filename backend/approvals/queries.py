"""The limits of stores in the database. Approvals themselves are documents, see `backend.documents.queries`."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import moment
from backend.database.tables import Instant, approval_limits
from backend.model.limits import Limits

_l = approval_limits.c
_LIMITS = select(_l.store_id, _l.units, _l.value_cents).where(_l.store_id.in_(bindparam("stores", expanding=True)))
_SET = text("""
INSERT INTO approval_limits (store_id, units, value_cents, updated_at) VALUES (:store_id, :units, :value_cents, :now)
ON CONFLICT (store_id) DO UPDATE SET units = excluded.units, value_cents = excluded.value_cents,
updated_at = excluded.updated_at
""").bindparams(bindparam("now", type_=Instant))


async def limits_of(connection: AsyncConnection, store_ids: Sequence[str]) -> dict[str, Limits]:
    """Returns the limits of those stores that have any."""
    rows = await connection.execute(_LIMITS, {"stores": store_ids})
    return {row.store_id: Limits(row.units, row.value_cents) for row in rows}


async def set_limits(connection: AsyncConnection, store_id: str, limits: Limits) -> None:
    """Writes the limits of a store, whole."""
    values = {"store_id": store_id, "units": limits.units, "value_cents": limits.value_cents}
    await connection.execute(_SET, values | {"now": await moment(connection)})
