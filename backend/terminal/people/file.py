"""The file of the people who may sign in without a server: grants, sealed secrets, failures, the latest time seen.

It may be lost: people then sign in with a server once more. A damaged one is set aside and begun anew.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from math import isfinite
from pathlib import Path
from threading import RLock

import msgspec
from msgspec import Struct

from backend.private_files import make_private_directory, make_private_file
from backend.terminal.values import Store

from .errors import PeopleUnusable
from .sealing import Sealed

_SCHEMA = """
CREATE TABLE IF NOT EXISTS people (
    name TEXT PRIMARY KEY,
    place TEXT NOT NULL,
    grant_token TEXT NOT NULL,
    record BLOB NOT NULL,
    kept_at REAL NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    failed_at REAL NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
MOST = 64
"""People kept; who signed in longest ago makes room."""


class Record(Struct, frozen=True):
    """What is kept beside a grant: its sealed secret, the keys it came with, and the names of the stores."""

    sealed: Sealed
    keys: tuple[dict[str, str], ...]
    stores: tuple[Store, ...]


class Row(Struct, frozen=True):
    """A person in the file. `place` is where the file was when the grant was kept; a copy elsewhere is another's."""

    user: str
    place: str
    grant: str
    record: Record
    failures: int
    failed_at: float


_RECORD: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


class PeopleFile:
    """The file at `path`, made if missing. Calls block for one disk write at most and may come from any thread.

    Every method raises PeopleUnusable when the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lock = RLock()
        try:
            make_private_directory(path.parent)
            try:
                self._db = self._open()
            except sqlite3.DatabaseError:
                for name in (path, *(path.with_name(path.name + tail) for tail in ("-wal", "-shm"))):
                    if name.exists():
                        name.replace(name.with_name(name.name + ".damaged"))
                self._db = self._open()
        except (OSError, sqlite3.Error) as error:
            raise PeopleUnusable(path) from error

    def _open(self) -> sqlite3.Connection:
        make_private_file(self._path)
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=2)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.executescript(_SCHEMA)
            db.execute("SELECT count(grant_token) FROM people").fetchone()
        except sqlite3.Error:
            db.close()
            raise
        return db

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def put(self, row: Row, now: float) -> None:
        """Keep a person's new grant, and forget their failures."""
        content = (row.user, row.place, row.grant, msgspec.json.encode(row.record), now)
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO people VALUES (?, ?, ?, ?, ?, 0, 0)", content)
            # A server has told the time: failures that a wrong clock dated later must not lock for years.
            db.execute("UPDATE people SET failed_at = min(failed_at, ?), kept_at = min(kept_at, ?)", (now, now))
            db.execute(
                "DELETE FROM people WHERE name NOT IN (SELECT name FROM people ORDER BY kept_at DESC LIMIT ?)", (MOST,)
            )

    def rows(self) -> list[Row]:
        """Returns all that can be read, by name."""
        with self._transaction() as db:
            found = db.execute(
                "SELECT name, place, grant_token, record, failures, failed_at FROM people ORDER BY name"
            ).fetchall()
        rows = []
        for user, place, grant, record, failures, failed_at in found:
            # Somebody who wrote in it damaged it: as good as not there.
            with suppress(msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError):
                row = Row(user, place, grant, _RECORD.decode(record), int(failures), float(failed_at))
                if isfinite(row.failed_at):
                    rows.append(row)
        return rows

    def failed(self, user: str, now: float) -> None:
        """Count one more wrong PIN."""
        with self._transaction() as db:
            db.execute("UPDATE people SET failures = failures + 1, failed_at = ? WHERE name = ?", (now, user))

    def forgive(self, user: str) -> None:
        """Forget a person's wrong PINs."""
        with self._transaction() as db:
            db.execute("UPDATE people SET failures = 0 WHERE name = ?", (user,))

    def forget(self, grants: Iterable[str]) -> None:
        """Delete these grants, if they have not been replaced by newer ones."""
        with self._transaction() as db:
            db.executemany("DELETE FROM people WHERE grant_token = ?", [(grant,) for grant in grants])

    def remember(self, values: Mapping[str, str]) -> None:
        """Keep small things from one start to the next."""
        with self._transaction() as db:
            db.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", values.items())

    def recall(self, name: str) -> str:
        """Returns what was remembered under `name`, or nothing."""
        with self._transaction() as db:
            found = db.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
        return str(found[0]) if found else ""

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self.lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                raise PeopleUnusable(self._path) from error
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
