"""Seals, and the movements of a day, in the database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now
from backend.database.tables import archives, movements, seals, stores
from backend.model.stock import Movement

from .chain import Digest, Seal

_m, _s = movements.c, seals.c
_FIELDS = [_m[name] for name in Movement.__struct_fields__]
_SEAL = [_s[name] for name in Seal.__struct_fields__]
_PAGE = 1000


def day_of(moment: datetime) -> str:
    """Returns the day of a moment, in UTC."""
    return moment.astimezone(UTC).date().isoformat()


def start_of(day: str) -> datetime:
    """Returns the first moment of a day."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


async def store_ids(connection: AsyncConnection) -> list[str]:
    """Returns the stores of the chain."""
    return [row.id for row in await connection.execute(select(stores.c.id).order_by(stores.c.id))]


async def days_of(connection: AsyncConnection, store_id: str, since: str, before: datetime) -> AsyncIterator[str]:
    """Yields the days with movements of a store, from `since` on (empty: the first) and before a moment."""
    after = start_of(since) if since else datetime(1, 1, 2, tzinfo=UTC)
    while True:
        found = await connection.scalar(
            select(func.min(_m.at)).where(_m.store_id == store_id, _m.at >= after, _m.at < before)
        )
        if found is None:
            return
        day = day_of(found)
        yield day
        after = start_of(day) + timedelta(days=1)


async def digests_of(connection: AsyncConnection, store_id: str, day: str) -> list[Digest]:
    """Returns the digests of a day's movements, in the order in which they are sealed."""
    start = start_of(day)
    query = select(*_FIELDS).where(_m.store_id == store_id, _m.at >= start, _m.at < start + timedelta(days=1))
    found: list[Digest] = []
    async with connection.stream(query) as rows:
        async for some in rows.partitions(_PAGE):
            found += [Digest.of(Movement(*row)) for row in some]
    return sorted(found)  # not by the database, whose languages order ids in ways of their own


async def seals_of(connection: AsyncConnection, store_id: str) -> list[Seal]:
    """Returns the seals of a store, by day."""
    query = select(*_SEAL).where(_s.store_id == store_id).order_by(_s.day)
    return [Seal(*row) for row in await connection.execute(query)]


async def last_seal(connection: AsyncConnection, store_id: str) -> Seal | None:
    """Returns the newest seal of a store."""
    query = select(*_SEAL).where(_s.store_id == store_id).order_by(_s.day.desc()).limit(1)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Seal(*row)


async def add_seal(connection: AsyncConnection, seal: Seal) -> None:
    """Keep a seal."""
    values = {name: getattr(seal, name) for name in Seal.__struct_fields__}
    await connection.execute(insert(seals).values(values | {"sealed_at": database_now()}))


async def archived_until(connection: AsyncConnection) -> datetime | None:
    """Returns the moment before which all movements are in files."""
    until: datetime | None = await connection.scalar(select(func.max(archives.c.until)))
    return until
