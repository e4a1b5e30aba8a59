"""The failures of those who tried to sign in: in the database, so that no restart and no other server forgets them."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import bindparam, delete, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now, moment
from backend.database.tables import Instant, sign_in_failures

_OF = select(sign_in_failures, database_now().label("now")).where(
    sign_in_failures.c.subject.in_(bindparam("subjects", expanding=True))
)
_COUNT = text(
    """
    INSERT INTO sign_in_failures (subject, failures, failed_at) VALUES (:subject, 1, :now)
    ON CONFLICT (subject) DO UPDATE SET
        failures = CASE WHEN sign_in_failures.failed_at < :forgotten THEN 1 ELSE sign_in_failures.failures + 1 END,
        failed_at = excluded.failed_at
    """
).bindparams(bindparam("now", type_=Instant()), bindparam("forgotten", type_=Instant()))
_FORGIVE = delete(sign_in_failures).where(sign_in_failures.c.subject == bindparam("subject"))
_FORGET = delete(sign_in_failures).where(sign_in_failures.c.failed_at < bindparam("before"))


class Failures(Struct, frozen=True):
    """How often signing in failed in a row with a name or from a network, and how long ago the last time was."""

    subject: str
    count: int
    ago: timedelta


async def failures_of(connection: AsyncConnection, subjects: Iterable[str]) -> list[Failures]:
    """Returns the failures of those subjects that have any."""
    rows = await connection.execute(_OF, {"subjects": list(subjects)})
    return [Failures(row.subject, row.failures, row.now - row.failed_at) for row in rows]


async def count_failure(connection: AsyncConnection, memories: Mapping[str, timedelta]) -> None:
    """One more failure of each subject; it is the first again when the last one is longer ago than its memory."""
    now = await moment(connection)
    # In one order everywhere, so that two of these never wait for each other.
    for subject, memory in sorted(memories.items()):
        await connection.execute(_COUNT, {"subject": subject, "now": now, "forgotten": now - memory})


async def forgive(connection: AsyncConnection, subject: str) -> None:
    """Forget the failures of a subject."""
    await connection.execute(_FORGIVE, {"subject": subject})


async def forget_failures(connection: AsyncConnection, before: datetime) -> int:
    """Delete the failures that happened before a moment; how many."""
    return (await connection.execute(_FORGET, {"before": before})).rowcount
