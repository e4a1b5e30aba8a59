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
    with db:
        yield


def facts(db: sqlite3.Connection) -> dict[str, str]:
    """Returns what is known of the copy itself."""
    return dict(db.execute("SELECT name, value FROM facts"))


def put_facts(db: sqlite3.Connection, some: Mapping[str, str]) -> None:
    """Writes what is known of the copy itself."""
    db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", some.items())


def put_products(db: sqlite3.Connection, products: Sequence[CopiedProduct], *, indexed: bool = True) -> None:
    """Writes products, in place of what was known of them; their words too, unless `index_words` follows."""
    _forget(
        db,
        "number IN (SELECT value ->> 0 FROM json_each(?1)) OR id IN (SELECT value ->> 1 FROM json_each(?1))",
        [(x.number, x.id) for x in products],
        indexed=indexed,
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
                f" {name} ",  # with a space before each word, and one behind it
                f" {more} ",
                x.price_per,
            )
        )
        if x.active and indexed:
            words.append((x.number, *rows[-1][-3:-1]))
    db.executemany(f"INSERT INTO products VALUES ({', '.join('?' * 15)})", rows)
    db.executemany("INSERT INTO product_words (rowid, name_words, more_words) VALUES (?, ?, ?)", words)
    db.executemany(
        "INSERT OR REPLACE INTO barcodes VALUES (?, ?, ?)",
        [(code.barcode, x.number, code.quantity) for x in products for code in x.barcodes],
    )
    db.executemany(
        "INSERT INTO prices VALUES (?, ?, ?, ?, ?)",
        [
            (x.number, one.store_id, one.valid_from.astimezone(UTC).isoformat(), one.price_cents, one.price_per)
            for x in products
            for one in x.prices
        ],
    )
    _learn(db, {word for _, name, more in words for text in (name, more) for word in text.split()})


def index_words(db: sqlite3.Connection) -> None:
    """Writes the words of all products anew: a tenth of the time that writing them product by product takes."""
    db.execute("INSERT INTO product_words (product_words) VALUES ('rebuild')")
    db.execute("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab('main', 'product_words', 'row')")
    _learn(db, {row[0] for row in db.execute("SELECT term FROM temp.vocabulary")})
    db.execute("DROP TABLE temp.vocabulary")


def _learn(db: sqlite3.Connection, words: set[str]) -> None:
    """Keeps words that somebody may type wrongly."""
    learnt = [x for x in words if 3 <= len(x) <= 32 and not any(c in "0123456789" for c in x)]
    db.executemany("INSERT OR IGNORE INTO words VALUES (?, ?)", [(x, x[len(x) // 2 :]) for x in learnt])


def remove_products(db: sqlite3.Connection, ids: Sequence[str]) -> None:
    """Forgets products that are gone."""
    _forget(db, "id IN (SELECT value FROM json_each(?1))", ids)


def _forget(db: sqlite3.Connection, which: str, keys: Sequence[object], *, indexed: bool = True) -> None:
    found = db.execute(
        f"SELECT number, name_words, more_words, active FROM products WHERE {which}", (_list(keys),)
    ).fetchall()
    if not found:
        return
    db.executemany(
        "INSERT INTO product_words (product_words, rowid, name_words, more_words) VALUES ('delete', ?, ?, ?)",
        [row[:3] for row in found if row[3] and indexed],
    )
    numbers = [(row[0],) for row in found]
    for table in ("products", "barcodes", "prices"):
        db.executemany(f"DELETE FROM {table} WHERE number = ?", numbers)


def put_stock(db: sqlite3.Connection, rows: Collection[StockRow], at: float) -> set[str]:
    """Writes stock rows that are newer than what is known. Returns the products that changed."""
    known = _stock(db, [row.product_id for row in rows])
    newer = [x for x in rows if x.product_id not in known or known[x.product_id].version <= x.version]
    _write_stock(db, newer, at)
    return {x.product_id for x in newer if _counters(x) != _counters(known.get(x.product_id))}


def heal_stock(
    db: sqlite3.Connection, before: Mapping[str, StockRow], found: Mapping[str, StockRow], at: float
) -> set[str]:
    """Makes stock rows what the server says that they are. Returns the products that changed.

    `before` are those that were here before the server was asked. It was asked later, so it is right even where it has
    an older version: somebody restored its database. Only rows that changed here meanwhile may be newer.
    """
    differ = {x for x in before.keys() | found.keys() if _counters(before.get(x)) != _counters(found.get(x))}
    now = _stock(db, list(differ))
    same = {x for x in differ if _counters(now.get(x)) == _counters(before.get(x))}
    _write_stock(db, [found[x] for x in same & found.keys()], at)
    db.executemany("DELETE FROM stock WHERE product_id = ?", [(x,) for x in same - found.keys()])
    return same | put_stock(db, [found[x] for x in (differ - same) & found.keys()], at)


def _stock(db: sqlite3.Connection, product_ids: Sequence[str]) -> dict[str, StockRow]:
    rows = db.execute(
        "SELECT product_id, on_hand, unavailable, allocated, reserved, incoming, version FROM stock"
        " WHERE product_id IN (SELECT value FROM json_each(?))",
        (_list(product_ids),),
    )
    return {row[0]: StockRow("", *row) for row in rows}


def _counters(row: StockRow | None) -> tuple[int, ...] | None:
    if row is None:
        return None
    return row.on_hand, row.unavailable, row.allocated, row.reserved, row.incoming, row.version


def _write_stock(db: sqlite3.Connection, rows: Iterable[StockRow], at: float) -> None:
    values = [(x.product_id, *(_counters(x) or ()), at) for x in rows]
    db.executemany("INSERT OR REPLACE INTO stock VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)


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


def products_in(db: sqlite3.Connection, buckets: Collection[int]) -> dict[str, tuple[int, int, int]]:
    """Returns the products in some buckets: id → number, mark and price."""
    return {
        row[0]: row[1:]
        for row in db.execute(
            "SELECT id, number, mark, price_cents FROM products"
            f" WHERE number % {BUCKETS} IN (SELECT value FROM json_each(?))",
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
