"""All of the terminal's file, as the rest of the terminal knows it."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import msgspec

from .acts import KeptAct, KeptSale
from .file import JournalUnusable
from .memory import Memory
from .rescue import Remains, Rescued, put_in_place, rescue, unfinished
from .sales import Sales

_OF_THE_FILE = ("journal", "series", "place")
"""What a rescued file does not take over: its numbers may be behind those that the damaged one has used."""


class Journal(Sales, Memory):
    """The file at `path` of the terminal that numbers its receipts with its id, until `number_with` says otherwise.

    A damaged file is set aside; then `rescued` says where it is, and what could be read goes on here.
    """

    rescued: Rescued | None = None

    def __init__(self, path: Path, terminal_id: str) -> None:
        try:
            if unfinished(path).exists():
                put_in_place(path)
        except OSError as error:
            raise JournalUnusable("not_writable", path) from error
        try:
            super().__init__(path, terminal_id)
            self._read_all()
        except JournalUnusable as error:
            if error.fields["reason"] != "damaged":
                raise
            try:
                self.rescued = rescue(path, lambda new, remains: _fill(new, terminal_id, remains))
            except OSError:
                raise error from None
            super().__init__(path, terminal_id)

    def _read_all(self) -> None:
        """Raises JournalUnusable when an act is not as it was written."""
        try:
            self.acts()
            self.refused_acts()
        except (sqlite3.DatabaseError, msgspec.MsgspecError, ValueError, TypeError) as error:
            self.close()
            raise JournalUnusable("damaged", self._path) from error

    def take_over(self, other: "Journal") -> None:
        """Take in what another terminal's file keeps: its acts, also those taken in before, and what it remembers."""
        acts = [*other.acts(), *other.refused_acts()]
        remembered = other._db.execute("SELECT name, value FROM remembered").fetchall()
        with self.together():
            self.take_in(sorted(acts, key=lambda x: x.sequence))
            self._db.executemany("INSERT OR IGNORE INTO remembered VALUES (?, ?)", remembered)

    def take_in(self, acts: Iterable[KeptAct]) -> list[KeptAct]:
        """Add acts that were done elsewhere, each once for ever; returns those that are new here."""
        with self.together():
            known = {row[0] for row in self._db.execute("SELECT id FROM acts UNION SELECT id FROM taken_in")}
            new = [self._insert(act) for act in acts if str(act.id) not in known]
            self._db.executemany("INSERT OR IGNORE INTO taken_in VALUES (?)", [(str(act.id),) for act in new])
        return new


def _fill(path: Path, terminal_id: str, remains: Remains) -> None:
    """Makes a whole file, in one piece, of what could be read of a damaged one."""
    journal = Journal(path, terminal_id)
    try:
        with journal.together():
            for table, rows in remains.tables.items():
                for row in rows:
                    if table != "remembered" or row[0] not in _OF_THE_FILE:
                        marks = ", ".join("?" * len(row))
                        journal._db.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row)
            for act in remains.acts:
                journal._insert(act)
                if isinstance(act, KeptSale):
                    journal._is_used(act.store_id, act.receipt_number)
        journal._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise OSError(str(error)) from error
    finally:
        journal.close()
