"""The sessions of people. Of a refresh token only the SHA-256 of its secret is here; all moments are the database's."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import ColumnElement, bindparam, delete, insert, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now
from backend.database.tables import sessions

TERMINAL_REMOVED = "terminal_removed"
"""The reason for which a session ends with its terminal."""

_MINE = sessions.c.id == bindparam("session_id")
_LIVE: tuple[ColumnElement[bool], ...] = (
    literal_column("sessions.ended_at IS NULL"),
    sessions.c.expires_at > database_now(),
)
_COLUMNS = (sessions.c.id, sessions.c.user_name, sessions.c.store_id, sessions.c.terminal_id, sessions.c.expires_at)

_ROTATE = (
    update(sessions)
    .where(_MINE, *_LIVE, sessions.c.refresh_hash == bindparam("shown"))
    .values(
        refresh_hash=bindparam("next"),
        previous_hash=bindparam("shown"),
        sealed_successor=bindparam("sealed"),
        renewed_at=database_now(),
    )
    .returning(*_COLUMNS)
)
_REPEAT = select(*_COLUMNS, sessions.c.sealed_successor).where(
    _MINE, *_LIVE, sessions.c.previous_hash == bindparam("shown"), sessions.c.sealed_successor != ""
)
_END = update(sessions).where(*_LIVE).values(ended_at=database_now(), end_reason=bindparam("reason"))
_END_ONE = _END.where(_MINE).returning(*_COLUMNS)
_END_OF_USER = _END.where(sessions.c.user_name == bindparam("user")).returning(sessions.c.id)
_END_AT_TERMINAL = _END.where(
    sessions.c.store_id == bindparam("store"), sessions.c.terminal_id == bindparam("terminal")
).returning(sessions.c.id)
_REASON = select(sessions.c.end_reason).where(_MINE)
_ENDED = select(sessions.c.id, sessions.c.end_reason).where(
    literal_column("sessions.ended_at IS NOT NULL"), sessions.c.ended_at >= bindparam("since")
)
_FORGET = delete(sessions).where(sessions.c.expires_at < bindparam("before"))


class Session(Struct, frozen=True):
    """A session, without what proves that somebody is its bearer."""

    id: str
    user_name: str
    store_id: str
    terminal_id: str
    expires_at: datetime


async def add_session(connection: AsyncConnection, session: Session, refresh_hash: str, created_at: datetime) -> None:
    """Open a session."""
    values = {
        "id": session.id,
        "user_name": session.user_name,
        "store_id": session.store_id,
        "terminal_id": session.terminal_id,
        "refresh_hash": refresh_hash,
        "created_at": created_at,
        "expires_at": session.expires_at,
    }
    await connection.execute(insert(sessions), values)


async def rotate(connection: AsyncConnection, session_id: str, shown: str, new: str, sealed: str) -> Session | None:
    """Put the hash `new` in the place of the hash `shown`, which must be the live session's newest; None otherwise.

    One conditional UPDATE: of any number of callers that show the same token, on any server, one gets the session.
    """
    values = {"session_id": session_id, "shown": shown, "next": new, "sealed": sealed}
    row = (await connection.execute(_ROTATE, values)).one_or_none()
    return None if row is None else Session(*row)


async def rotated(connection: AsyncConnection, session_id: str, shown: str) -> tuple[Session, str] | None:
    """Returns the live session whose last rotation was of the hash `shown`, and the sealed successor; None
    otherwise."""
    row = (await connection.execute(_REPEAT, {"session_id": session_id, "shown": shown})).one_or_none()
    return None if row is None else (Session(*row[:-1]), row[-1])


async def end_session(connection: AsyncConnection, session_id: str, reason: str) -> Session | None:
    """End a session; None if it is not alive."""
    row = (await connection.execute(_END_ONE, {"session_id": session_id, "reason": reason})).one_or_none()
    return None if row is None else Session(*row)


async def end_sessions_of(connection: AsyncConnection, user: str, reason: str) -> list[str]:
    """End all live sessions of a user; their ids."""
    return list(await connection.scalars(_END_OF_USER, {"user": user, "reason": reason}))


async def end_sessions_at(connection: AsyncConnection, store_id: str, terminal_id: str) -> list[str]:
    """End all live sessions at a terminal that is removed; their ids."""
    values = {"store": store_id, "terminal": terminal_id, "reason": TERMINAL_REMOVED}
    return list(await connection.scalars(_END_AT_TERMINAL, values))


async def end_reason_of(connection: AsyncConnection, session_id: str) -> str:
    """Returns why a session ended; empty for one that is alive or unknown."""
    return await connection.scalar(_REASON, {"session_id": session_id}) or ""


async def ended_since(connection: AsyncConnection, since: datetime) -> list[tuple[str, str]]:
    """Ids of the sessions that ended at `since` or later, each with the reason."""
    return [(row.id, row.end_reason) for row in await connection.execute(_ENDED, {"since": since})]


async def forget_sessions(connection: AsyncConnection, before: datetime) -> int:
    """Delete the sessions that were over before a moment; how many."""
    return (await connection.execute(_FORGET, {"before": before})).rowcount
