"""The ledger's rows on PostgreSQL: one statement reads a batch, one statement writes and commits it.

A batch is two round trips, because round trips and flushes, not rows, are what a batch costs. The write is ONE
statement of many parts (a CTE for each table), so it is atomic without BEGIN and COMMIT. It ends with a guard: when a
row's version is no longer the one that was read, the guard divides by zero and the database undoes the whole statement.
A second writer of the same command id, or of the same version of a row, fails on a primary key in the same way. Both
are a `Conflict`: the batch is decided again on fresh rows, now under row locks taken in key order.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from functools import lru_cache
from typing import Any
from uuid import UUID

from asyncpg import Connection
from asyncpg.exceptions import InterfaceError, InternalClientError, PostgresError
from msgspec import json
from sqlalchemy import URL, Column, Dialect, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from backend.database import tables
from backend.database.errors import DatabaseDamaged, disk_full, named
from backend.model.books import Books
from backend.model.recalls import KeptUnits
from backend.model.reservations import NEVER, HeldLine, Reservation, Status
from backend.model.stock import Key, Levels

from .asking import (
    DueHold,
    DueHolds,
    Keepers,
    NamedDocuments,
    NamedSales,
    Needs,
    Procedure,
    Recorded,
    Settled,
    Snapshot,
)
from .errors import Conflict, DatabaseLost, Undone
from .rows import (
    DocumentChange,
    HoldChange,
    RecallRow,
    StockChange,
    Writes,
    add_hold_row,
    add_moves,
    add_stock,
    document_of,
    sales_of,
)

_CONFLICTS = {
    "22012": "a row's version moved",  # division_by_zero: the guard below
    "23505": "the same row was written first",  # unique_violation, but see _translated
    "40001": "serialization failure",
    "40P01": "deadlock",
}

_DISK_FULL = "53100"
_DAMAGED = {"XX001", "XX002"}
_READ_ONLY = "25006"
"""A primary that has become a standby, or whose operator has stopped writes: the same batch may be taken later."""

CONNECT_SECONDS, STATEMENT_SECONDS = 5.0, 10.0
"""A database that says nothing for so long is lost; without this a batch would wait until TCP gives up."""

_DIALECT: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]

# A connection that the server ended while it was idle meets the next statement with an InternalClientError.
_DRIVER_ERRORS = (PostgresError, InterfaceError, InternalClientError, DBAPIError, OSError)

# The usual batch names no hold and repeats no command: then this is all there is to read.
_READ_STOCK = """
SELECT k.store_id, k.product_id, s.on_hand, s.unavailable, s.allocated, s.reserved, s.incoming, s.version,
       s.version IS NOT NULL OR EXISTS (SELECT FROM stores WHERE stores.id = k.store_id) AS known_store,
       s.version IS NOT NULL OR EXISTS (SELECT FROM products WHERE products.id = k.product_id) AS known_product,
       clock_timestamp() AS now, (SELECT count(*) FROM commands WHERE id = ANY($3::uuid[])) AS recorded
FROM unnest($1::text[], $2::text[]) k(store_id, product_id)
LEFT JOIN stock s ON s.store_id = k.store_id AND s.product_id = k.product_id
"""

# The kinds of row in the one answer of _READ, which reads everything else too, in one snapshot.
_CLOCK, _STOCK, _HOLD, _COMMAND = range(4)

_READ = """
WITH held AS MATERIALIZED (
    SELECT * FROM reservations WHERE id = ANY($3::uuid[])
), keys AS (
    SELECT * FROM unnest($1::text[], $2::text[]) k(store_id, product_id)
    UNION
    SELECT store_id, product_id FROM held
)
SELECT 0 AS what, NULL::text AS store_id, NULL::text AS product_id, clock_timestamp() AS t1,
       NULL::bigint AS n1, NULL::bigint AS n2, NULL::bigint AS n3, NULL::bigint AS n4,
       NULL::bigint AS n5, NULL::bigint AS n6, NULL::uuid AS id, NULL::text AS s1,
       NULL::text AS s2, NULL::text AS s3, NULL::text AS s4,
       NULL::timestamptz AS t2, NULL::timestamptz AS t3, NULL::boolean AS known_store,
       NULL::boolean AS known_product
UNION ALL
SELECT 1, k.store_id, k.product_id, NULL, s.on_hand, s.unavailable, s.allocated, s.reserved, s.incoming, s.version,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       s.version IS NOT NULL OR EXISTS (SELECT FROM stores WHERE stores.id = k.store_id),
       s.version IS NOT NULL OR EXISTS (SELECT FROM products WHERE products.id = k.product_id)
FROM keys k LEFT JOIN stock s ON s.store_id = k.store_id AND s.product_id = k.product_id
UNION ALL
SELECT 2, store_id, product_id, expires_at, quantity, confirmed, version, NULL, NULL, NULL, id, status, customer_id,
       actor, terminal_id, created_at, updated_at, NULL, NULL
FROM held
UNION ALL
SELECT 3, store_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, id, answer, fingerprint, NULL, NULL,
       NULL, NULL, NULL, NULL
FROM commands WHERE id = ANY($4::uuid[])
"""

# Locks alone, in key order; the rows are read by _READ afterwards, whose snapshot is then younger than the locks. The
# order is Python's, in which rows are written, and not the one of the database's language: else the two would deadlock.
_LOCK = """
SELECT 1 FROM stock WHERE (store_id, product_id) IN (
    SELECT store_id, product_id FROM reservations WHERE id = ANY($3::uuid[])
    UNION ALL
    SELECT * FROM unnest($1::text[], $2::text[])
) ORDER BY store_id COLLATE "C", product_id COLLATE "C" FOR UPDATE
"""

_READ_LEVELS = """
SELECT l.store_id, l.product_id, l.safety_stock, l.reorder_point, l.reorder_quantity, l.min_level, l.max_level
FROM unnest($1::text[], $2::text[]) k(store_id, product_id)
JOIN levels l ON l.store_id = k.store_id AND l.product_id = k.product_id
"""

READ_MOVES = """
SELECT m.store_id, m.product_id, m.version, m.kind, m.on_hand_change, m.at,
       CASE m.kind WHEN 'shortfall' THEN coalesce(s.made_at, s.sold_at) ELSE s.made_at END
FROM unnest($1::text[], $2::text[], $3::bigint[]) k(store_id, product_id, version)
JOIN movements m ON m.store_id = k.store_id AND m.product_id = k.product_id AND m.version > k.version
LEFT JOIN sales s ON s.store_id = m.store_id AND s.id =
    CASE m.kind WHEN 'sell' THEN m.command_id WHEN 'shortfall' THEN m.document_id::uuid END
ORDER BY m.store_id, m.product_id, m.version
"""
"""What has moved rows after a version, by the key of movements; only counts ask."""

_READ_DOCUMENTS = f"SELECT {', '.join(tables.documents.columns.keys())} FROM documents WHERE id = ANY($1::uuid[])"
# In order of ids, as every locked batch takes them, and before its stock rows.
_LOCK_DOCUMENTS = "SELECT 1 FROM documents WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE"

# Of the keys of sales, each with its store: ($1, $2).
_NAMED = "FROM unnest($1::text[], $2::uuid[]) k(store_id, id) JOIN"
_READ_SALES = f"""
SELECT s.id, s.store_id, s.receipt_number, s.terminal_id, s.actor, s.total_cents, s.sold_at
{_NAMED} sales s ON s.id = k.id AND s.store_id = k.store_id
"""
_READ_SALE_LINES = f"""
SELECT l.sale_id, l.product_id, l.quantity, l.price_cents, l.price_per,
       p.list_price_cents, p.discount_reason, p.tax_rate_bp, p.tax_cents, p.tax_included
{_NAMED} sale_lines l ON l.sale_id = k.id AND l.store_id = k.store_id
LEFT JOIN sale_line_pricing p ON p.sale_id = l.sale_id AND p.store_id = l.store_id AND p.line = l.line
ORDER BY l.sale_id, l.line
"""
_READ_TENDERS = f"""
SELECT t.id, t.kind, t.amount_cents, t.given_cents, t.reference
{_NAMED} tenders t ON t.id = k.id AND t.store_id = k.store_id
ORDER BY t.id, t.number
"""

DUE_HOLDS = """
SELECT r.id, r.store_id, r.version
FROM unnest($1::text[], $2::text[]) k(store_id, product_id)
JOIN reservations r ON r.store_id = k.store_id AND r.product_id = k.product_id
WHERE r.status = 'PENDING' AND r.expires_at <= statement_timestamp() AND r.id <> ALL($3::uuid[])
ORDER BY r.expires_at, r.id, r.product_id LIMIT 1000
"""
"""A short product's dead holds, by the partial index `ix_reservations_held`."""


KEEPERS = """
SELECT r.id, r.store_id, r.product_id, r.terminal_id, r.quantity, a.wanted, a.wanted_at, a.due_at
FROM unnest($1::text[], $2::text[]) k(store_id, product_id)
JOIN reservations r ON r.store_id = k.store_id AND r.product_id = k.product_id
JOIN allotments a ON a.id = r.id AND a.store_id = r.store_id
WHERE r.status = 'PENDING' AND r.expires_at = $3
"""
"""The allotments on products that are short, by the partial index `ix_reservations_held`."""


def _engine(url: str) -> AsyncEngine:
    """Returns an engine for one ledger lane.

    Its plans are made once, because planning a batch costs more than running it, and by rule instead of by statistics:
    every row is found by its key. A plan made while the tables were empty would read them whole for ever.
    """
    settings = {"application_name": "mostrador-ledger", "plan_cache_mode": "force_generic_plan", "jit": "off"}
    settings |= dict.fromkeys(("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_bitmapscan"), "off")
    patience = {"timeout": CONNECT_SECONDS, "command_timeout": STATEMENT_SECONDS}
    arguments = {"server_settings": settings, **patience}
    return create_async_engine(url, connect_args=arguments, pool_size=1, max_overflow=1)


class PostgresLedgerStore:
    """Runs batches on one connection, which it keeps: the statements stay prepared on it.

    The connection is SQLAlchemy's, the two statements of a batch go straight to asyncpg: for a lone caller Core's work
    on their 50 parameters took longer than the database's (measured: 0.3 of 0.8 ms).
    """

    def __init__(self, url: str) -> None:
        """Connects to the database `url` when the first batch comes."""
        self._engine = _engine(url)
        self._connection: AsyncConnection | None = None

    async def run(self, procedure: Procedure, *, locked: bool) -> Settled:
        """Drive `procedure` and commit what it settles.

        Raises `Conflict` when another writer was first, `DatabaseLost` when it is unknown whether the batch was
        committed, and `Undone` when the database refused the batch; `DiskFull` and `DatabaseDamaged` when it cannot
        write or read. In none of them anything is half done.
        """
        try:
            driver = await self._driver()
            async with driver.transaction() if locked else nullcontext():  # type: ignore[no-untyped-call]
                settled = await _drive(driver, procedure, locked)
                await _write(driver, settled.writes)
            return settled
        except _DRIVER_ERRORS as error:
            failure = _translated(error, self._engine.url)
            if isinstance(failure, DatabaseLost):
                await self._let_go()
            raise failure from error

    async def close(self) -> None:
        """Close every connection."""
        await self._let_go()
        await self._engine.dispose()

    async def _let_go(self) -> None:
        """Drop the connection, which may be broken; the next batch takes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.invalidate()
            await connection.close()

    async def _driver(self) -> Connection:
        if self._connection is None:
            self._connection = await self._engine.connect()
        driver = (await self._connection.get_raw_connection()).driver_connection
        assert isinstance(driver, Connection)
        return driver


async def _drive(driver: Connection, procedure: Procedure, locked: bool) -> Settled:
    try:
        request = next(procedure)
        while True:
            if isinstance(request, DueHolds):
                rows = await driver.fetch(DUE_HOLDS, *_keys(request.stock), request.found)
                request = procedure.send([DueHold(*row) for row in rows])
            elif isinstance(request, Keepers):
                rows = await driver.fetch(KEEPERS, *_keys(request.stock), NEVER)
                request = procedure.send([KeptUnits(*row) for row in rows])
            elif isinstance(request, NamedDocuments):
                if locked:
                    await driver.fetch(_LOCK_DOCUMENTS, request.ids)
                found = await driver.fetch(_READ_DOCUMENTS, request.ids)
                request = procedure.send([document_of(tuple(row)) for row in found])
            elif isinstance(request, NamedSales):
                named = [store for store, _ in request.ids], _ids(request.ids)
                parts = [await driver.fetch(part, *named) for part in (_READ_SALES, _READ_SALE_LINES, _READ_TENDERS)]
                request = procedure.send(sales_of(*parts))
            else:
                if locked:
                    await driver.fetch(_LOCK, *_keys(request.stock), _ids(request.reservations))
                snapshot = await _read(driver, request)
                if request.levels:
                    for row in await driver.fetch(_READ_LEVELS, *_keys(request.levels)):
                        snapshot.books.levels[row[0], row[1]] = Levels(*row)
                if asked := request.moved_since:
                    moves = await driver.fetch(READ_MOVES, *_keys(list(asked)), list(asked.values()))
                    add_moves(snapshot.books, asked, map(tuple, moves))
                request = procedure.send(snapshot)
    except StopIteration as stop:
        settled: Settled = stop.value
        return settled


def _keys(wanted: Sequence[Key]) -> tuple[list[str], list[str]]:
    return [store for store, _ in wanted], [product for _, product in wanted]


def _ids(holds: Sequence[tuple[str, UUID]]) -> list[UUID]:
    return [id_ for _, id_ in holds]


async def _read(driver: Connection, needs: Needs) -> Snapshot:
    keys = _keys(needs.stock)
    if needs.stock and not needs.reservations:
        rows = await driver.fetch(_READ_STOCK, *keys, needs.commands)
        if rows[0]["recorded"] == 0:
            snapshot = Snapshot(rows[0]["now"], Books({}, set(), {}), {})
            for store_id, product_id, *counters, known_store, known_product, _, _ in rows:
                add_stock(snapshot.books, store_id, product_id, counters, known_store, known_product)
            return snapshot
    rows = await driver.fetch(_READ, *keys, _ids(needs.reservations), needs.commands)
    named = set(needs.reservations)
    snapshot = Snapshot(rows[0]["t1"], Books({}, set(), {}), {})
    books = snapshot.books
    for row in rows[1:]:
        what, store_id, product_id, t1, n1, n2, n3, n4, n5, n6, id_, s1, s2, s3, s4, t2, t3, store, product = row
        if what == _STOCK:
            add_stock(books, store_id, product_id, (n1, n2, n3, n4, n5, n6), store, product)
        elif what == _HOLD:
            if (store_id, id_) in named:
                line = HeldLine(product_id, n1, n2)
                add_hold_row(books, Reservation(id_, store_id, Status(s1), (line,), t1, s2, s3, s4, t2, t3, n3))
        elif what == _COMMAND:
            snapshot.recorded[id_] = Recorded(store_id, s2, s1)
    return snapshot


# What to write: the field of Writes, its table and its columns. The rows travel as one JSON array a table: that costs
# Python a quarter of what binary arrays of their columns cost, and PostgreSQL little more (measured on movements: 1.0
# and 5.2 µs a row against 4.2 and 3.9).
_INSERTED = {
    "new_stock": tables.stock,
    "movements": tables.movements,
    "levels": tables.levels,
    "new_reservations": tables.reservations,
    "commands": tables.commands,
    "sales": tables.sales,
    "sale_lines": tables.sale_lines,
    "outbox": tables.outbox,
    "new_documents": tables.documents,
    "sale_line_pricing": tables.sale_line_pricing,
    "tenders": tables.tenders,
    "allotments": tables.allotments,
    "draws": tables.draws,
}
_UPDATED = {
    "stock": (StockChange, """
        UPDATE stock s SET on_hand = n.on_hand, unavailable = n.unavailable, allocated = n.allocated,
        reserved = n.reserved, incoming = n.incoming, version = n.version, updated_at = n.updated_at
        FROM {rows} WHERE s.store_id = n.store_id AND s.product_id = n.product_id AND s.version = n.was RETURNING 1"""),
    "reservations": (HoldChange, """
        UPDATE reservations r SET quantity = n.quantity, confirmed = n.confirmed, status = n.status,
        expires_at = n.expires_at, updated_at = n.updated_at, version = n.version
        FROM {rows} WHERE r.id = n.id AND r.store_id = n.store_id AND r.product_id = n.product_id
        AND r.version = n.was AND r.status = 'PENDING' RETURNING 1"""),
    "documents": (DocumentChange, """
        UPDATE documents d SET status = n.status, reference = n.reference, updated_at = n.updated_at,
        version = n.version, body = n.body
        FROM {rows} WHERE d.id = n.id AND d.store_id = n.store_id AND d.version = n.was RETURNING 1"""),
}  # fmt: skip

_RECALLED = """
        UPDATE allotments a SET wanted = n.wanted, wanted_at = n.wanted_at
        FROM {rows} WHERE a.id = n.id AND a.store_id = n.store_id"""
_REPLACE_LEVELS = """
        ON CONFLICT (store_id, product_id) DO UPDATE SET safety_stock = excluded.safety_stock,
        reorder_point = excluded.reorder_point, reorder_quantity = excluded.reorder_quantity,
        min_level = excluded.min_level, max_level = excluded.max_level"""
_REPLACE_ALLOTMENTS = """
        ON CONFLICT (id, store_id) DO UPDATE SET due_at = excluded.due_at, wanted = excluded.wanted,
        wanted_at = excluded.wanted_at"""
_REPLACED = {"levels": _REPLACE_LEVELS, "allotments": _REPLACE_ALLOTMENTS}


async def _write(driver: Connection, writes: Writes) -> None:
    """Write all of `writes` in one statement, which undoes itself when a guarded row was not as it was read."""
    parts = tuple([part for part in (*_UPDATED, *_INSERTED, "recalls") if getattr(writes, part)])
    if parts:
        rows = [json.encode(getattr(writes, part)).decode() for part in parts]
        guarded = sum([len(getattr(writes, part)) for part in _UPDATED])
        await driver.fetch(_write_statement(parts), guarded, *rows)


@lru_cache
def _write_statement(parts: tuple[str, ...]) -> str:
    ctes = []
    for number, part in enumerate(parts, 2):  # $1 is the number of guarded rows
        if part in _UPDATED:
            struct, update = _UPDATED[part]
            rows = _recordset(number, tables.metadata.tables[part], struct.__struct_fields__)
            ctes.append(f"{part}_part AS ({update.format(rows=rows)})")
        elif part == "recalls":
            rows = _recordset(number, tables.allotments, RecallRow.__struct_fields__)
            ctes.append(f"{part}_part AS ({_RECALLED.format(rows=rows)})")
        else:
            table = _INSERTED[part]
            names = table.columns.keys()
            rows = _recordset(number, table, names)
            replace = _REPLACED.get(part, "")
            ctes.append(f"{part}_part AS (INSERT INTO {table.name} ({', '.join(names)}) SELECT * FROM {rows}{replace})")
    counts = " + ".join(f"(SELECT count(*) FROM {part}_part)" for part in parts if part in _UPDATED) or "0"
    return f"WITH {', '.join(ctes)} SELECT 1 / ({counts} = $1::bigint)::int"


def _recordset(number: int, table: Table, names: Sequence[str]) -> str:
    columns = [f"{name} {_type_of(table.c['version' if name == 'was' else name])}" for name in names]
    return f"json_to_recordset(${number}::json) n({', '.join(columns)})"


def _type_of(column: Column[Any]) -> str:
    return "json" if column.info == tables.JSON_TEXT else str(column.type.compile(_DIALECT))


def _translated(error: Exception, url: URL) -> Exception:
    state = getattr(error, "sqlstate", None) or getattr(getattr(error, "orig", None), "sqlstate", None) or "08000"
    if state == _DISK_FULL:
        return disk_full(url)
    if state in _DAMAGED:
        return DatabaseDamaged(f"{named(url)} is damaged; restore it from a backup.")
    if state[:2] in ("08", "53", "57") or state == _READ_ONLY:  # connection, resources, operator
        return DatabaseLost(str(error) or type(error).__name__)
    receipt_taken = getattr(error, "constraint_name", None) == "uq_sales_receipt"
    if state in _CONFLICTS and not receipt_taken:
        return Conflict(_CONFLICTS[state])
    return Undone(str(error), receipt_taken=receipt_taken)
