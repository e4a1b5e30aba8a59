"""Reading receipt numbers: those of the store's sales in a time, and what became of those that are missing."""

from collections.abc import Collection, Iterator
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import Instant, audit, sales

_AT_ONCE = 500
_s, _a = sales.c, audit.c
_NUMBERS = (
    select(_s.receipt_number, _s.terminal_id)
    .where(
        _s.store_id == bindparam("store_id"),
        _s.sold_at >= bindparam("since", type_=Instant()),
        _s.sold_at < bindparam("until", type_=Instant()),
        _s.receipt_number != "",
    )
    .order_by(_s.sold_at, _s.id)
)
_THERE = select(_s.receipt_number).where(
    _s.store_id == bindparam("store_id"),
    _s.receipt_number.in_(bindparam("numbers", expanding=True)),
    _s.receipt_number != "",
)
_SETTLED = select(_a.subject, _a.after).where(
    _a.store_id == bindparam("store_id"),
    _a.at >= bindparam("since", type_=Instant()),
    _a.action == "conflict.settle",
)


async def numbers_of(
    connection: AsyncConnection, store_id: str, since: datetime, until: datetime
) -> Iterator[tuple[str, str]]:
    """Returns the receipt number and the terminal of each of the store's sales in this time."""
    values = {"store_id": store_id, "since": since, "until": until}
    return ((row[0], row[1]) for row in await connection.execute(_NUMBERS, values))


async def there(connection: AsyncConnection, store_id: str, numbers: Collection[str]) -> set[str]:
    """Returns those of these numbers that are on a sale of the store, whenever that was."""
    found: set[str] = set()
    waiting = list(numbers)
    for start in range(0, len(waiting), _AT_ONCE):
        values = {"store_id": store_id, "numbers": waiting[start : start + _AT_ONCE]}
        found.update(await connection.scalars(_THERE, values))
    return found


async def settlements(connection: AsyncConnection, store_id: str, since: datetime) -> dict[str, str]:
    """Returns the receipt numbers of refused sales that were settled since then, with what was recorded."""
    rows = await connection.execute(_SETTLED, {"store_id": store_id, "since": since})
    return {subject.removeprefix("receipt:"): after for subject, after in rows}
