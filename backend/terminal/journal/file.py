"""The one SQLite file of a terminal: opened privately, every commit on the disk before it is believed."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Literal

from backend.model.errors import MostradorError
from backend.private_files import make_private_directory, make_private_file

from .schema import NewerFile, prepare


class JournalUnusable(MostradorError):
    """The terminal's file cannot be used; the message says what to do about it."""

    code = "journal_unusable"

    def __init__(self, reason: Literal["damaged", "newer", "not_writable"], path: Path) -> None:
        message = {
            "damaged": f"The terminal's file {path} is damaged: move it away, keep it, and start again.",
            "newer": f"The terminal's file {path} was written by a newer version: update this program.",
            "not_writable": f"The terminal's file {path} cannot be written: check the disk and the folder's rights.",
        }[reason]
        super().__init__(message, reason=reason, path=str(path))


class File:
    """The file at `path`, made if missing. Calls block for one disk write at most and may come from any thread."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, RLock()
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        """When what is kept was done; this machine's clock until somebody knows better."""
        self._depth = 0
        try:
            make_private_directory(path.parent)
            make_private_file(path)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=2)
        except (OSError, sqlite3.Error) as error:
            raise JournalUnusable("not_writable", path) from error
        try:
            self._prepare()
        except JournalUnusable:
            self._db.close()
            raise

    def _prepare(self) -> None:
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            prepare(self._db)
        except NewerFile as error:
            raise JournalUnusable("newer", self._path) from error
        except sqlite3.OperationalError as error:
            raise JournalUnusable("not_writable", self._path) from error
        except sqlite3.DatabaseError as error:
            raise JournalUnusable("damaged", self._path) from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Commit all that is written in the block at once, with one wait for the disk.

        Raises JournalUnusable when the disk refuses; then nothing of it was written.
        """
        with self._lock:
            if self._depth:
                yield
                return
            self._depth += 1
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                raise JournalUnusable("not_writable", self._path) from error
            finally:
                self._depth -= 1
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
