"""The tables of a terminal's file, and how files of older versions get them."""

import secrets
import sqlite3
from hashlib import blake2b

SCHEMA_VERSION = 2

_FIRST = """
CREATE TABLE series (store_id TEXT PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE remembered (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE sales (
    id TEXT PRIMARY KEY,
    receipt_number TEXT NOT NULL,
    store_id TEXT NOT NULL,
    made_at TEXT NOT NULL,
    total_cents INTEGER NOT NULL,
    commands BLOB NOT NULL,
    refusal BLOB
);
"""
"""Version 1, which every file is made with, so that there is one way to the newest version."""

_ADDED = """
CREATE TABLE IF NOT EXISTS open_lines (
    store_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    line BLOB NOT NULL,
    clerk TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (store_id, product_id)
);
CREATE TABLE IF NOT EXISTS product_names (id TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS settlements (sale_id TEXT PRIMARY KEY, settlement BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS parked (
    id TEXT PRIMARY KEY,
    store_id TEXT NOT NULL,
    name TEXT NOT NULL,
    clerk TEXT NOT NULL,
    at TEXT NOT NULL,
    lines BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS taken_in (id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS receipts (
    number TEXT PRIMARY KEY,
    sale_id TEXT NOT NULL,
    paper BLOB NOT NULL,
    text TEXT NOT NULL,
    printed INTEGER NOT NULL,
    escpos BLOB
);
CREATE INDEX IF NOT EXISTS receipts_sale ON receipts (sale_id);
"""
"""Tables that came later. A program that does not know them leaves them alone, so the version stays."""

_QUEUE = """
CREATE TABLE acts (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    store_id TEXT NOT NULL,
    actor TEXT NOT NULL,
    made_at TEXT NOT NULL,
    receipt_number TEXT NOT NULL,
    total_cents INTEGER NOT NULL,
    commands BLOB NOT NULL,
    refusal BLOB,
    digest TEXT NOT NULL
);
INSERT INTO acts (id, kind, store_id, actor, made_at, receipt_number, total_cents, commands, refusal, digest)
    SELECT id, 'sell', store_id, '', made_at, receipt_number, total_cents, commands, refusal, digest_of(commands)
    FROM sales ORDER BY made_at, receipt_number;
DROP TABLE sales;
"""
"""Version 2: the queue of every act, where version 1 knew sales only. AUTOINCREMENT gives no number twice."""

_NAME = "journal"


class NewerFile(Exception):
    """The file was written by a newer version of this program."""


def prepare(db: sqlite3.Connection) -> None:
    """Bring the file to the newest version, each step in one transaction.

    Raises NewerFile, and sqlite3.DatabaseError for a file that is damaged.
    """
    [(verdict,)] = db.execute("PRAGMA quick_check(1)").fetchall()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise NewerFile
    if version == 0:
        db.executescript(f"BEGIN IMMEDIATE; {_FIRST} PRAGMA user_version = 1; COMMIT;")
    db.executescript(_ADDED)
    if version < 2:
        db.create_function("digest_of", 1, digest_of, deterministic=True)
        db.executescript(f"BEGIN IMMEDIATE; {_QUEUE} PRAGMA user_version = 2; COMMIT;")
    db.execute("INSERT OR IGNORE INTO remembered VALUES (?, ?)", (_NAME, secrets.token_hex(6)))


def digest_of(commands: bytes) -> str:
    """Returns what tells an act from the same one with a byte changed."""
    return blake2b(commands, digest_size=16).hexdigest()


def name_of(db: sqlite3.Connection) -> str:
    """Returns what no other terminal's file is called; a copy of the file is called the same."""
    (name,) = db.execute("SELECT value FROM remembered WHERE name = ?", (_NAME,)).fetchone()
    return str(name)
