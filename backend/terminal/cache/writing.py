"""Writing the copy: products, stock rows and facts, each call within the transaction that is open."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from msgspec import Struct, json

from backend.model.search import indexed_words, search_text
from backend.model.stock import StockRow
from backend.model.sync import BUCKETS, CATALOGUE_MARK, STOCK_MARK, BucketSum, CopiedProduct, bucket_sums

KEPT_STEPS = 20
"""Steps of a stock row that are kept to explain it."""


class Cause(Struct, frozen=True, omit_defaults=True):
    """Why a stock row changed, as far as an event told."""

    kind: str
    reason: str = ""
    actor: str = ""
    terminal_id: str = ""
    document_id: str = ""


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Commits what the block writes, or nothing of it."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def facts(db: sqlite3.Connection) -> dict[str, str]:
    """Returns what is known of the copy itself."""
    return dict(db.execute("SELECT name, value FROM facts"))


def put_facts(db: sqlite3.Connection, some: Mapping[str, str]) -> None:
    """Writes what is known of the copy itself."""
    db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", some.items())


def put_products(db: sqlite3.Connection, products: Sequence[CopiedProduct]) -> None:
    """Writes products, in place of what was known of them."""
    _forget(
        db,
        "number IN (SELECT value ->> 0 FROM json_each(?1)) OR id IN (SELECT value ->> 1 FROM json_each(?1))",
        [(x.number, x.id) for x in products],
    )
    rows, words = [], []
    for x in products:
        name, more = indexed_words(search_text(x.name, x.category, x.department, x.brand, x.sku), x.sku)
        rows.append(
            (
                x.number,
                x.mark,
                x.id,
                x.sku,
                x.sku.lower(),
                x.name,
                x.price_cents,
                x.package_size,
                x.active,
                x.unit,
                x.tax_basis_points,
                x.tax_included,
                name,
                more,
            )
        )
        if x.active:
            words.append((x.number, name, more))
    db.executemany(f"INSERT INTO products VALUES ({', '.join('?' * 14)})", rows)
    db.executemany("INSERT INTO product_words (rowid, name_words, more_words) VALUES (?, ?, ?)", words)
    db.executemany(
        "INSERT OR REPLACE INTO barcodes VALUES (?, ?, ?)",
        [(code.barcode, x.number, code.quantity) for x in products for code in x.barcodes],
    )
    db.executemany(
        "INSERT INTO prices VALUES (?, ?, ?, ?)",
        [
            (x.number, price.store_id, price.valid_from.astimezone(UTC).isoformat(), price.price_cents)
            for x in products
            for price in x.prices
        ],
    )
    known = {word for _, name, more in words for text in (name, more) for word in text.split()}
    db.executemany(
        "INSERT OR IGNORE INTO words VALUES (?, ?)",
        [
            (word, word[len(word) // 2 :])
            for word in known
            if 3 <= len(word) <= 32 and not any(c in "0123456789" for c in word)
        ],
    )


def remove_products(db: sqlite3.Connection, ids: Sequence[str]) -> None:
    """Forgets products that are gone."""
    _forget(db, "id IN (SELECT value FROM json_each(?1))", ids)


def _forget(db: sqlite3.Connection, which: str, keys: Sequence[object]) -> None:
    found = db.execute(
        f"SELECT number, name_words, more_words, active FROM products WHERE {which}", (_list(keys),)
    ).fetchall()
    if not found:
        return
    db.executemany(
        "INSERT INTO product_words (product_words, rowid, name_words, more_words) VALUES ('delete', ?, ?, ?)",
        [row[:3] for row in found if row[3]],
    )
    numbers = [(row[0],) for row in found]
    for table in ("products", "barcodes", "prices"):
        db.executemany(f"DELETE FROM {table} WHERE number = ?", numbers)


def put_stock(
    db: sqlite3.Connection, rows: Collection[StockRow], at: float, *, believe: Collection[str] = ()
) -> set[str]:
    """Writes stock rows that are newer than what is known, and those of products in `believe` in any case.

    Returns the products that changed.
    """
    known = {
        found[0]: found[1:]
        for found in db.execute(
            "SELECT product_id, version, on_hand, unavailable, allocated, reserved, incoming FROM stock"
            " WHERE product_id IN (SELECT value FROM json_each(?))",
            (_list([row.product_id for row in rows]),),
        )
    }
    newer, changed = [], set()
    for row in rows:
        values = (row.version, row.on_hand, row.unavailable, row.allocated, row.reserved, row.incoming)
        before = known.get(row.product_id)
        if before is None or before[0] <= row.version or row.product_id in believe:
            newer.append((row.product_id, *values[1:], row.version, at))
            if before != values:
                changed.add(row.product_id)
    db.executemany("INSERT OR REPLACE INTO stock VALUES (?, ?, ?, ?, ?, ?, ?, ?)", newer)
    return changed


def remove_stock(db: sqlite3.Connection, products: Iterable[str]) -> None:
    """Forgets the stock rows of products."""
    db.executemany("DELETE FROM stock WHERE product_id = ?", [(x,) for x in products])


def put_steps(db: sqlite3.Connection, steps: Iterable[tuple[StockRow, datetime, Cause | None]]) -> None:
    """Keeps what became of stock rows when, and why if that is known; of each row the last few."""
    some = list(steps)
    db.executemany(
        "INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (product_id, version)"
        " DO UPDATE SET cause = coalesce(excluded.cause, cause)",
        [
            (
                row.product_id,
                row.version,
                at.astimezone(UTC).isoformat(),
                row.on_hand,
                row.unavailable,
                row.allocated,
                row.reserved,
                row.incoming,
                cause and json.encode(cause),
            )
            for row, at, cause in some
        ],
    )
    newest = {row.product_id: row.version for row, _, _ in some}
    db.executemany(
        "DELETE FROM steps WHERE product_id = ? AND version <= ?", [(k, v - KEPT_STEPS) for k, v in newest.items()]
    )


def catalogue_sums(db: sqlite3.Connection) -> set[BucketSum]:
    """Returns the sums of the products, as `backend.model.sync.Digest` has them."""
    rows = db.execute(bucket_sums(CATALOGUE_MARK, "SELECT number, mark, price_cents FROM products"))
    return {BucketSum(*row) for row in rows}


def stock_sums(db: sqlite3.Connection) -> set[BucketSum]:
    """Returns the sums of the stock rows, as `backend.model.sync.Digest` has them."""
    rows = db.execute(
        bucket_sums(
            STOCK_MARK,
            "SELECT p.number, s.version, s.on_hand, s.unavailable, s.allocated, s.reserved, s.incoming FROM stock s"
            " JOIN products p ON p.id = s.product_id",
        )
    )
    return {BucketSum(*row) for row in rows}


def products_in(db: sqlite3.Connection, buckets: Collection[int]) -> dict[str, tuple[int, int]]:
    """Returns the products in some buckets: id → mark and price."""
    return {
        row[0]: (row[1], row[2])
        for row in db.execute(
            f"SELECT id, mark, price_cents FROM products WHERE number % {BUCKETS} IN (SELECT value FROM json_each(?))",
            (_list(list(buckets)),),
        )
    }


def stock_in(db: sqlite3.Connection, store_id: str, buckets: Collection[int]) -> dict[str, StockRow]:
    """Returns the stock rows in some buckets, by product."""
    rows = db.execute(
        "SELECT s.product_id, on_hand, unavailable, allocated, reserved, incoming, version FROM stock s"
        f" JOIN products p ON p.id = s.product_id WHERE p.number % {BUCKETS} IN (SELECT value FROM json_each(?))",
        (_list(list(buckets)),),
    )
    return {row[0]: StockRow(store_id, *row) for row in rows}


def _list(values: Sequence[object]) -> str:
    return json.encode(values).decode()
