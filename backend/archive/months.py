"""Old movements leave the database: written to a file month by month, and replaced by the balances they add up to.

Each month goes in three steps: its movements are written to a file, the file is made durable, and then one transaction
gives it its name, replaces the rows by `openings` (the balance each stock row had after them) and notes the file's hash
in `archives`. A process that dies in between has changed nothing, and the next one writes the file anew. Of two at once
only the one that holds the transaction names its file: what the other has read may be what is left when the rows are
gone. What is archived is never the current month, so nothing is written to it any more.
"""

import gzip
import hashlib
import os
from datetime import datetime
from pathlib import Path

from msgspec import Struct, json
from sqlalchemy import bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.engine import Database
from backend.database.errors import translated
from backend.database.partitions import CLOCK_STEP, Partition, alone, keep_partitions, months_after, partitions
from backend.database.tables import Instant, archives, movements
from backend.ids import new_id
from backend.model.errors import MostradorError
from backend.model.stock import Movement
from backend.private_files import open_private


class ArchiveFailed(MostradorError):
    """The movements of a month could not be archived; nothing has changed."""

    code = "archive_failed"


class Archived(Struct, frozen=True):
    """One file: all movements of all stores before `until` that were not archived before."""

    until: datetime
    file_name: str
    sha256: str
    movements: int


# The last version to go of each stock row, and everything up to it.
_GOING = """
WITH last AS (
    SELECT store_id, product_id, max(version) AS version FROM movements WHERE at < :until GROUP BY store_id, product_id
), going AS (
    SELECT m.* FROM movements m
    JOIN last ON last.store_id = m.store_id AND last.product_id = m.product_id AND m.version <= last.version
    WHERE m.at < :latest
)
"""
_MOMENTS = (bindparam("until", type_=Instant()), bindparam("latest", type_=Instant()))
_NAMES = ", ".join(Movement.__struct_fields__)
_READ = (
    text(f"{_GOING} SELECT {_NAMES} FROM going ORDER BY store_id, product_id, version")
    .bindparams(*_MOMENTS)
    .columns(*[movements.c[name] for name in Movement.__struct_fields__])
)
_COUNT = text(_GOING + "SELECT count(*) FROM going").bindparams(*_MOMENTS)
# Stock rows of which an elder movement would stay, because it is dated later by more than CLOCK_STEP, or is missing.
_GAPS = text(f"""
{_GOING}
SELECT count(*) FROM (
    SELECT store_id, product_id, max(version) AS version, count(*) AS movements FROM going GROUP BY store_id, product_id
) g
LEFT JOIN openings o ON o.store_id = g.store_id AND o.product_id = g.product_id
WHERE g.movements <> g.version - coalesce(o.version, 0)
""").bindparams(*_MOMENTS)
_OPEN = text(f"""
INSERT INTO openings (store_id, product_id, version, on_hand, unavailable, allocated, reserved, incoming, sold, at)
SELECT g.store_id, g.product_id, g.version, g.on_hand, g.unavailable, g.allocated, g.reserved, g.incoming, s.sold, g.at
FROM ({_GOING} SELECT * FROM going) g
JOIN (
    {_GOING} SELECT store_id, product_id, max(version) AS version,
    CAST(sum(CASE WHEN kind = 'sell' THEN -on_hand_change ELSE 0 END) AS bigint) AS sold
    FROM going GROUP BY store_id, product_id
) s ON s.store_id = g.store_id AND s.product_id = g.product_id AND s.version = g.version
WHERE true
ON CONFLICT (store_id, product_id) DO UPDATE SET version = excluded.version, on_hand = excluded.on_hand,
    unavailable = excluded.unavailable, allocated = excluded.allocated, reserved = excluded.reserved,
    incoming = excluded.incoming, sold = openings.sold + excluded.sold, at = excluded.at
""").bindparams(*_MOMENTS)
# What is left of them outside a dropped partition: on SQLite all, on PostgreSQL the few that a clock dated later.
_DELETE = text("""
DELETE FROM movements WHERE at < :latest AND EXISTS (
    SELECT 1 FROM openings o
    WHERE o.store_id = movements.store_id AND o.product_id = movements.product_id AND movements.version <= o.version
)
""").bindparams(_MOMENTS[1])
_ARCHIVED = select(archives.c.until).where(archives.c.until == bindparam("until"))
_FIRST = text("SELECT min(at) AS at FROM movements").columns(at=Instant())


async def months_to_archive(db: Database, before: datetime) -> list[datetime]:
    """Returns the ends of the months, oldest first, that lie wholly before `before` and have movements or a
    partition."""
    with translated(db.url):
        async with db.engine.connect() as connection:
            if db.dialect == "postgresql":
                return [part.until for part in await partitions(connection) if part.until <= before]
            first = await connection.scalar(_FIRST)
    ends = []
    while first is not None and (end := months_after(first, 1)) <= before:
        ends.append(end)
        first = end
    return ends


async def archive_month(db: Database, until: datetime, directory: Path, now: datetime) -> Archived:
    """Move all movements before `until` to a file in `directory`.

    Raises ArchiveFailed when another process archives, when somebody changed old movements or when this month has its
    file already; OSError when the file cannot be written; and DatabaseAway and its like.
    """
    name = f"movements-until-{until:%Y-%m-%d}.ndjson.gz"
    moments = {"until": until, "latest": until + CLOCK_STEP}
    part = directory / f"{name}.{new_id()}.part"
    try:
        with translated(db.url):
            async with db.snapshot.connect() as connection:
                await keep_partitions(connection)
                await _check_new(connection, until, name)
                digest, count = await _write_file(connection, moments, part)
            done = Archived(until, name, digest, count)
            async with db.writer.begin() as connection:
                await _replace(connection, db, done, moments, now, part)
    finally:
        part.unlink(missing_ok=True)
    return done


async def _check_new(connection: AsyncConnection, until: datetime, name: str) -> None:
    if await connection.scalar(_ARCHIVED, {"until": until}):
        raise ArchiveFailed(f"The movements before {until:%Y-%m-%d} were archived before; they are in {name}.")


async def _write_file(connection: AsyncConnection, moments: dict[str, datetime], part: Path) -> tuple[str, int]:
    """Write the rows and make them durable; answers the file's SHA-256 and the number of rows."""
    count = 0
    with open_private(part, "wb") as raw:
        # No file name and no time inside: the same rows give the same bytes.
        with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed:
            async with connection.stream(_READ, moments) as rows:
                async for row in rows:
                    packed.write(json.encode(Movement(*row)) + b"\n")
                    count += 1
        raw.flush()
        os.fsync(raw.fileno())
    return sha256_of(part), count


def _name(part: Path, path: Path) -> None:
    """Give the file its name, which is durable when its directory is."""
    part.replace(path)
    if os.name == "posix":  # Windows opens no directory
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


async def _replace(
    connection: AsyncConnection,
    db: Database,
    done: Archived,
    moments: dict[str, datetime],
    now: datetime,
    part: Path,
) -> None:
    """Openings for rows, in one transaction, and the file in `part` under its name."""
    if db.dialect == "postgresql" and not await alone(connection):
        raise ArchiveFailed("Another process changes the partitions now; try again in a minute.")
    await _check_new(connection, done.until, done.file_name)
    if await connection.scalar(_COUNT, moments) != done.movements:
        raise ArchiveFailed("Old movements changed while they were archived; run mostrador verify, then try again.")
    if gaps := await connection.scalar(_GAPS, moments):
        raise ArchiveFailed(
            f"The movements of {gaps} stock rows before {done.until:%Y-%m-%d} have a gap: one is missing, or the clock"
            " was set back by more than a day; run mostrador verify."
        )
    _name(part, part.with_name(done.file_name))
    await connection.execute(_OPEN, moments)
    if db.dialect == "postgresql":
        for month in await partitions(connection):
            if month.until <= done.until:
                await _drop(connection, month)
    await connection.execute(_DELETE, {"latest": moments["latest"]})
    values = {"until": done.until, "file_name": done.file_name, "sha256": done.sha256, "movements": done.movements}
    await connection.execute(archives.insert().values(**values, archived_at=now))


async def _drop(connection: AsyncConnection, month: Partition) -> None:
    await connection.execute(text(f"ALTER TABLE movements DETACH PARTITION {month.name}"))
    await connection.execute(text(f"DROP TABLE {month.name}"))


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
