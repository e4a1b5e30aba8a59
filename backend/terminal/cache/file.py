"""The file of the copy: its tables, its versions, and what happens to one that is damaged.

Everything in it can be had from the server again, so a file that is damaged, or newer than this program, is set aside
and begun anew. What must not be lost is in the journal.
"""

import sqlite3
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Literal

from backend.model.errors import MostradorError
from backend.private_files import make_private_directory, make_private_file

SET_ASIDE = ".damaged"
"""What the name of a file that was set aside ends with; only the last one is kept."""

MIGRATIONS = (
    """
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE products (
        number INTEGER PRIMARY KEY,
        mark INTEGER NOT NULL,
        id TEXT NOT NULL UNIQUE,
        sku TEXT NOT NULL,
        code TEXT NOT NULL,
        name TEXT NOT NULL,
        price_cents INTEGER NOT NULL,
        package_size TEXT NOT NULL,
        active INTEGER NOT NULL,
        unit TEXT NOT NULL,
        tax_basis_points INTEGER NOT NULL,
        tax_included INTEGER NOT NULL,
        name_words TEXT NOT NULL,
        more_words TEXT NOT NULL
    );
    CREATE INDEX products_by_sku ON products (sku);
    CREATE INDEX products_by_code ON products (code) WHERE active;
    CREATE INDEX products_by_name ON products (name_words, number) WHERE active;
    CREATE TABLE barcodes (
        barcode TEXT PRIMARY KEY, number INTEGER NOT NULL, quantity INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX barcodes_by_number ON barcodes (number);
    CREATE TABLE prices (
        number INTEGER NOT NULL,
        store_id TEXT NOT NULL,
        valid_from TEXT NOT NULL,
        price_cents INTEGER,
        PRIMARY KEY (number, store_id, valid_from)
    ) WITHOUT ROWID;
    CREATE TABLE stock (
        product_id TEXT PRIMARY KEY,
        on_hand INTEGER NOT NULL,
        unavailable INTEGER NOT NULL,
        allocated INTEGER NOT NULL,
        reserved INTEGER NOT NULL,
        incoming INTEGER NOT NULL,
        version INTEGER NOT NULL,
        at REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE steps (
        product_id TEXT NOT NULL,
        version INTEGER NOT NULL,
        at TEXT NOT NULL,
        on_hand INTEGER NOT NULL,
        unavailable INTEGER NOT NULL,
        allocated INTEGER NOT NULL,
        reserved INTEGER NOT NULL,
        incoming INTEGER NOT NULL,
        cause BLOB,
        PRIMARY KEY (product_id, version)
    ) WITHOUT ROWID;
    CREATE TABLE words (word TEXT PRIMARY KEY, finish TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX words_by_finish ON words (finish);
    -- `= 1` keeps the planner from the indexes of what is active, by which reading all words takes five times as long.
    CREATE VIEW searched AS SELECT number, name_words, more_words FROM products WHERE active = 1;
    CREATE VIRTUAL TABLE product_words USING fts5(
        name_words, more_words, content='searched', content_rowid='number', tokenize='ascii', detail=column,
        prefix='1 2 3'
    );
    """,
    # A copy of before knew no prices of more than one unit. No mark is -1, so whatever it has is asked for again.
    """
    ALTER TABLE products ADD COLUMN price_per INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE prices ADD COLUMN price_per INTEGER NOT NULL DEFAULT 1;
    UPDATE products SET mark = -1;
    """,
)
"""What makes of version n a file of version n + 1; a new file goes through all of them."""


class CacheUnusable(MostradorError):
    """The file cannot be opened or written; the message says what to do about it."""

    code = "cache_unusable"

    def __init__(self, path: Path, reason: str) -> None:
        message = f"The terminal's copy {path} cannot be used ({reason}): check the disk and the folder's rights."
        super().__init__(message, path=str(path), reason=reason)


def opened(path: Path) -> sqlite3.Connection:
    """Returns a connection that writes, to a file of this version; made if missing, migrated if older.

    One that is damaged or newer is set aside first. Raises CacheUnusable.
    """
    try:
        make_private_directory(path.parent)
        try:
            return _prepared(path)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
        except _NewerFileError:
            pass
        set_aside(path)
        return _prepared(path)
    except (OSError, sqlite3.Error) as error:
        raise CacheUnusable(path, str(error)) from error


def reader(path: Path) -> sqlite3.Connection:
    """Returns a connection that reads, of a file that is open already. Raises sqlite3.Error."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=2, cached_statements=256)
    db.execute("PRAGMA query_only = ON")
    _tune(db)
    return db


def is_damage(error: sqlite3.Error) -> bool:
    """Returns whether an error says that the file itself is wrong."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or "no such table" in str(error)


def set_aside(path: Path) -> None:
    """Moves a file out of the way, in place of the last one that was. Raises OSError."""
    aside = path.with_name(path.name + SET_ASIDE)
    _names: tuple[Literal["", "-wal", "-shm"], ...] = ("", "-wal", "-shm")
    for name in _names:
        with suppress(FileNotFoundError):
            path.with_name(path.name + name).replace(aside.with_name(aside.name + name))


class _NewerFileError(Exception):
    """A later release wrote the file."""


def _prepared(path: Path) -> sqlite3.Connection:
    make_private_file(path)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=2)
    with ExitStack() as opened:
        opened.callback(db.close)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        _tune(db)
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise _NewerFileError
        for number in range(version, len(MIGRATIONS)):
            db.executescript(f"BEGIN IMMEDIATE; {MIGRATIONS[number]} PRAGMA user_version = {number + 1}; COMMIT;")
        db.execute("SELECT count(*) FROM facts").fetchone()
        opened.pop_all()
    return db


def _tune(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA cache_size = -16000")
    db.execute("PRAGMA temp_store = MEMORY")
