"""A damaged file is set aside, never thrown away, and what can be read of it goes on in a new one.

The new file is whole before the damaged one gives up its name, and a rescue that was interrupted is finished by the
next start: at every moment one of them has all that could be read.
"""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from backend.private_files import make_private_file

from .acts import COLUMNS, KeptAct, act_of
from .pages import rows_in

_SUFFIXES = ("", "-wal", "-shm")
_SMALL = ("series", "remembered", "open_lines", "product_names", "settlements", "parked", "taken_in", "receipts")


class Rescued(Struct, frozen=True):
    """What became of a damaged file: where it is kept, and how many acts of its queue go on."""

    path: Path
    acts: int


class Remains(Struct):
    """What could be read of a damaged file."""

    acts: list[KeptAct]
    tables: dict[str, list[tuple[object, ...]]]
    """Rows of the smaller tables."""


def unfinished(path: Path) -> Path:
    """Returns where the new file waits until it takes the name of the damaged one."""
    return path.with_name(f"{path.name}.rescued")


def rescue(path: Path, fill: Callable[[Path, Remains], None]) -> Rescued:
    """Set the damaged file aside, and put one in its place that `fill` makes of what could be read. Raises OSError."""
    remains = _remains(path)
    half = path.with_name(f"{path.name}.half")
    for suffix in _SUFFIXES:
        Path(f"{half}{suffix}").unlink(missing_ok=True)
    fill(half, remains)
    half.replace(unfinished(path))
    return Rescued(put_in_place(path), len(remains.acts))


def put_in_place(path: Path) -> Path:
    """Give the rescued file the name of the damaged one; returns where that is kept now."""
    aside = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    for suffix in _SUFFIXES:
        with suppress(FileNotFoundError):
            make_private_file(Path(f"{aside}{suffix}"))
            shutil.copyfile(f"{path}{suffix}", f"{aside}{suffix}")
    for suffix in _SUFFIXES[1:]:
        Path(f"{path}{suffix}").unlink(missing_ok=True)  # else it would be played into the new file
    unfinished(path).replace(path)
    return aside


def _remains(path: Path) -> Remains:
    copy = path.with_name(f"{path.name}.copy")
    for suffix in _SUFFIXES:
        Path(f"{copy}{suffix}").unlink(missing_ok=True)
    for suffix in _SUFFIXES[:2]:
        with suppress(FileNotFoundError):
            make_private_file(Path(f"{copy}{suffix}"))
            shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
    file = copy.read_bytes()
    wal = Path(f"{copy}-wal").read_bytes() if Path(f"{copy}-wal").exists() else b""
    acts: dict[str, KeptAct] = {}
    tables: dict[str, list[tuple[object, ...]]] = {}
    with closing(sqlite3.connect(copy, isolation_level=None)) as db:
        rows, are_all = _readable(db, "acts", COLUMNS)
        for row in rows:
            _add(acts, row)
        for table in _SMALL:
            tables[table], _ = _readable(db, table)
    if not are_all:
        for sequence, (_, act_id, _, *rest) in rows_in(file, wal, len(COLUMNS.split(",")) + 1):
            _add(acts, (sequence, act_id, *rest))
    for suffix in _SUFFIXES:
        Path(f"{copy}{suffix}").unlink(missing_ok=True)
    return Remains(sorted(acts.values(), key=lambda act: act.sequence), tables)


def _add(acts: dict[str, KeptAct], row: tuple[object, ...]) -> None:
    with suppress(msgspec.MsgspecError, ValueError, TypeError, IndexError):
        act = act_of(row)
        acts[str(act.id)] = act


def _readable(db: sqlite3.Connection, table: str, columns: str = "*") -> tuple[list[tuple[object, ...]], bool]:
    """Returns the rows of a table that can be read from its two ends, and whether those are all."""
    found: dict[int, tuple[object, ...]] = {}
    for order in ("ASC", "DESC"):
        try:
            for row in db.execute(f"SELECT rowid, {columns} FROM {table} ORDER BY rowid {order}"):
                found[row[0]] = row[1:]
        except sqlite3.DatabaseError:
            continue
        return list(found.values()), True
    return list(found.values()), False
