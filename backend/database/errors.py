"""What a person is told when the database cannot be used: drivers' errors become one sentence with the fix in it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from backend.model.errors import MostradorError


class DatabaseNotMigrated(MostradorError):
    """The database lacks the tables of this version."""

    code = "database_not_migrated"


class DatabaseNewer(MostradorError):
    """The database has a schema that this version does not know."""

    code = "database_newer"


class DatabaseDamaged(MostradorError):
    """The file is not a whole database, or the database lacks what its schema version promises."""

    code = "database_damaged"


class DataNotWritable(MostradorError):
    """The database cannot be opened for writing: permissions, a missing directory, a standby."""

    code = "data_not_writable"


class DiskFull(MostradorError):
    """The database has no room to write; it takes the same request when somebody has made room."""

    code = "disk_full"
    retryable = True


class DatabaseAway(MostradorError):
    """The database does not answer now; the same request may succeed a little later."""

    code = "database_away"
    retryable = True


class DatabaseRefused(MostradorError):
    """The server answers, but not to this user or not for this database."""

    code = "database_refused"


_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, "XX001", "XX002"}
_NOT_WRITABLE = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
    "25006",
    "58030",
}
_FULL = {sqlite3.SQLITE_FULL, "53100"}
_AWAY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, "40P01", "53300", "55P03", "57P01", "57P02", "57P03"}
_NO_DATABASE = "3D000"


@contextmanager
def translated(url: URL | str) -> Iterator[None]:
    """Raise what goes wrong inside as a `MostradorError` when it is the database's state and not a bug of ours."""
    try:
        yield
    except (OSError, PoolTimeout) as error:
        raise DatabaseAway(
            f"{named(url)} does not answer; check that it runs and that DATABASE_URL is right."
        ) from error
    except DBAPIError as error:
        meaning = meaning_of(error, url)
        if meaning is None:
            raise
        raise meaning from error


def named(url: URL | str) -> str:
    """Returns the database in words for a sentence, without its password."""
    url = make_url(url)
    if url.get_backend_name() == "sqlite":
        return f"The database file {url.database}"
    return f"The database {url.database} at {url.host or 'localhost'}:{url.port or 5432}"


def disk_full(url: URL | str) -> DiskFull:
    """Returns the error of a database that has no room to write."""
    return DiskFull(f"{named(url)} has no room to write; free space on its disk, and it goes on by itself.")


def meaning_of(error: DBAPIError, url: URL | str) -> MostradorError | None:
    """Returns what a driver's error says of the database `url`; None when it says nothing of its state."""
    code = _code(error)
    if code in _FULL:
        return disk_full(url)
    if code in _DAMAGED:
        return DatabaseDamaged(f"{named(url)} is damaged or not a database; restore it from a backup.")
    if code in _NOT_WRITABLE:
        return DataNotWritable(f"{named(url)} cannot be written; check its directory and permissions.")
    if code == _NO_DATABASE:
        return DatabaseRefused(f"{named(url)} does not exist; create it or correct DATABASE_URL.")
    if isinstance(code, str) and code.startswith("28"):
        return DatabaseRefused(f"{named(url)} refuses this user or password; correct DATABASE_URL.")
    if code in _AWAY or error.connection_invalidated or (isinstance(code, str) and code.startswith("08")):
        return DatabaseAway(f"{named(url)} does not answer now; try again in a moment.")
    return None


def _code(error: DBAPIError) -> int | str | None:
    """SQLite's primary result code, or PostgreSQL's SQLSTATE."""
    if isinstance(error.orig, sqlite3.Error):
        extended: int | None = getattr(error.orig, "sqlite_errorcode", None)  # absent when Python itself raised it
        return None if extended is None else extended & 0xFF
    sqlstate: str | None = getattr(error.orig, "sqlstate", None)
    return sqlstate
