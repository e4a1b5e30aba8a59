"""The ledger's rows on SQLite: a whole batch in one hop to one thread.

`BEGIN IMMEDIATE` takes the write lock before the first read, so nothing can move between reading and writing; the
versions are checked all the same, because they are what the promise rests on.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any
from uuid import UUID

from msgspec import Raw, Struct, json, structs
from sqlalchemy import Connection, Engine, Table, and_, bindparam, event, insert, select, text, tuple_
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from backend.database import tables
from backend.database.engine import sqlite_writer
from backend.database.errors import DatabaseDamaged, DiskFull, meaning_of
from backend.model.answers import Answer
from backend.model.books import Books
from backend.model.recalls import KeptUnits
from backend.model.reservations import NEVER, HeldLine, Reservation, Status
from backend.model.stock import Levels

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
from .rows import Writes, add_hold_row, add_moves, add_stock, document_of, sales_of

_holds, _commands = tables.reservations.c, tables.commands.c

# A JSON array is one parameter whatever its length, so each statement is compiled and prepared once.
_READ_STOCK = text("""
SELECT json_extract(k.value, '$[0]'), json_extract(k.value, '$[1]'),
       s.on_hand, s.unavailable, s.allocated, s.reserved, s.incoming, s.version,
       s.version IS NOT NULL OR EXISTS (SELECT 1 FROM stores WHERE id = json_extract(k.value, '$[0]')),
       s.version IS NOT NULL OR EXISTS (SELECT 1 FROM products WHERE id = json_extract(k.value, '$[1]'))
FROM json_each(:keys) k
LEFT JOIN stock s ON s.store_id = json_extract(k.value, '$[0]') AND s.product_id = json_extract(k.value, '$[1]')
""")
_READ_HOLDS = select(tables.reservations).where(_holds.id.in_(text("SELECT value FROM json_each(:ids)")))
_READ_COMMANDS = select(_commands.id, _commands.store_id, _commands.fingerprint, _commands.answer).where(
    _commands.id.in_(text("SELECT value FROM json_each(:ids)"))
)
_READ_LEVELS = text("""
SELECT l.store_id, l.product_id, l.safety_stock, l.reorder_point, l.reorder_quantity, l.min_level, l.max_level
FROM json_each(:keys) k
JOIN levels l ON l.store_id = json_extract(k.value, '$[0]') AND l.product_id = json_extract(k.value, '$[1]')
""")
READ_MOVES = text("""
SELECT m.store_id, m.product_id, m.version, m.kind, m.on_hand_change, m.at,
       CASE m.kind WHEN 'shortfall' THEN coalesce(s.made_at, s.sold_at) ELSE s.made_at END
FROM json_each(:keys) k
JOIN movements m ON m.store_id = json_extract(k.value, '$[0]') AND m.product_id = json_extract(k.value, '$[1]')
    AND m.version > json_extract(k.value, '$[2]')
LEFT JOIN sales s ON s.store_id = m.store_id AND s.id =
    CASE m.kind WHEN 'sell' THEN m.command_id WHEN 'shortfall' THEN replace(m.document_id, '-', '') END
ORDER BY m.store_id, m.product_id, m.version
""").columns(
    tables.movements.c.store_id,
    tables.movements.c.product_id,
    tables.movements.c.version,
    tables.movements.c.kind,
    tables.movements.c.on_hand_change,
    tables.movements.c.at,
    tables.sales.c.made_at,
)
"""What has moved rows after a version, by the key of movements; only counts ask."""
_READ_DOCUMENTS = select(tables.documents).where(tables.documents.c.id.in_(text("SELECT value FROM json_each(:ids)")))
_s, _l, _p, _t = tables.sales.c, tables.sale_lines.c, tables.sale_line_pricing.c, tables.tenders.c
_NAMED = text("SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:keys)")
_READ_SALES = select(_s.id, _s.store_id, _s.receipt_number, _s.terminal_id, _s.actor, _s.total_cents, _s.sold_at).where(
    tuple_(_s.store_id, _s.id).in_(_NAMED)
)
_READ_SALE_LINES = (
    select(_l.sale_id, _l.product_id, _l.quantity, _l.price_cents, _l.price_per)
    .add_columns(_p.list_price_cents, _p.discount_reason, _p.tax_rate_bp, _p.tax_cents, _p.tax_included)
    .outerjoin_from(
        tables.sale_lines,
        tables.sale_line_pricing,
        and_(_p.sale_id == _l.sale_id, _p.store_id == _l.store_id, _p.line == _l.line),
    )
    .where(tuple_(_l.store_id, _l.sale_id).in_(_NAMED))
    .order_by(_l.sale_id, _l.line)
)
_READ_TENDERS = (
    select(_t.id, _t.kind, _t.amount_cents, _t.given_cents, _t.reference)
    .where(tuple_(_t.store_id, _t.id).in_(_NAMED))
    .order_by(_t.id, _t.number)
)
DUE_HOLDS = text("""
SELECT r.id, r.store_id, r.version
FROM json_each(:keys) k
JOIN reservations r ON r.store_id = json_extract(k.value, '$[0]') AND r.product_id = json_extract(k.value, '$[1]')
WHERE r.status = 'PENDING' AND r.expires_at <= :now AND r.id NOT IN (SELECT value FROM json_each(:found))
ORDER BY r.expires_at, r.id, r.product_id LIMIT 1000
""").columns(_holds.id, _holds.store_id, _holds.version)
"""A short product's dead holds, by the partial index `ix_reservations_held`."""


KEEPERS = (
    text("""
SELECT r.id, r.store_id, r.product_id, r.terminal_id, r.quantity, a.wanted, a.wanted_at, a.due_at
FROM json_each(:keys) k
CROSS JOIN reservations r ON r.store_id = json_extract(k.value, '$[0]') AND r.product_id = json_extract(k.value, '$[1]')
CROSS JOIN allotments a ON a.id = r.id AND a.store_id = r.store_id
WHERE r.status = 'PENDING' AND r.expires_at = :never
""")
    .bindparams(bindparam("never", type_=tables.Instant()))
    .columns(
        _holds.id,
        _holds.store_id,
        _holds.product_id,
        _holds.terminal_id,
        _holds.quantity,
        tables.allotments.c.wanted,
        tables.allotments.c.wanted_at,
        tables.allotments.c.due_at,
    )
)
"""The allotments on products that are short, by the index `ix_reservations_held`: CROSS JOIN keeps the order."""


def _engine(url: str) -> Engine:
    """Returns the ledger's engine, with room: a page that many batches change is written to the file once, not each
    time."""
    engine = sqlite_writer(url)

    def roomy(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA wal_autocheckpoint = 16000")  # pages of 4 kB
        cursor.execute("PRAGMA cache_size = -65536")  # kB
        cursor.close()

    event.listen(engine, "connect", roomy)
    return engine


class SqliteLedgerStore:
    """Runs batches one after the other in a thread of its own, on one connection."""

    def __init__(self, url: str) -> None:
        """Connects to the database `url` when the first batch comes."""
        self._engine = _engine(url)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger-sqlite")

    async def run(self, procedure: Procedure, *, locked: bool) -> Settled:
        """Drive `procedure` and commit what it settles. Raises like `PostgresLedgerStore.run`."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, procedure)

    async def close(self) -> None:
        """Close the connection and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown()

    def _run(self, procedure: Procedure) -> Settled:
        try:
            with self._engine.begin() as connection:
                settled = _drive(connection, procedure)
                _write(connection, settled.writes)
            return settled
        except IntegrityError as error:
            raise Undone(str(error.orig), receipt_taken="sales.receipt_number" in str(error.orig)) from error
        except DBAPIError as error:
            wrong = meaning_of(error, self._engine.url)
            if isinstance(wrong, DiskFull | DatabaseDamaged):
                raise wrong from error
            if isinstance(error, OperationalError):
                raise DatabaseLost(str(error.orig)) from error
            raise Undone(str(error)) from error
        except OverflowError as error:
            raise Undone(str(error)) from error


def _drive(connection: Connection, procedure: Procedure) -> Settled:
    now = datetime.now(UTC)
    try:
        request = next(procedure)
        while True:
            if isinstance(request, DueHolds):
                request = procedure.send(_due(connection, request, now))
            elif isinstance(request, Keepers):
                found = connection.execute(KEEPERS, {"keys": _json(request.stock), "never": NEVER})
                request = procedure.send([KeptUnits(*row) for row in found])
            elif isinstance(request, NamedDocuments):
                found = connection.execute(_READ_DOCUMENTS, {"ids": _hex(request.ids)})
                request = procedure.send([document_of(tuple(row)) for row in found])
            elif isinstance(request, NamedSales):
                keys = {"keys": _json([(store_id, id_.hex) for store_id, id_ in request.ids])}
                parts = [connection.execute(part, keys) for part in (_READ_SALES, _READ_SALE_LINES, _READ_TENDERS)]
                request = procedure.send(sales_of(*parts))
            else:
                request = procedure.send(_read(connection, request, now))
    except StopIteration as stop:
        settled: Settled = stop.value
        return settled


def _due(connection: Connection, wanted: DueHolds, now: datetime) -> list[DueHold]:
    values = {"keys": _json(wanted.stock), "now": now, "found": _hex(wanted.found)}
    return [DueHold(*row) for row in connection.execute(DUE_HOLDS, values)]


def _read(connection: Connection, needs: Needs, now: datetime) -> Snapshot:
    books = Books({}, set(), {})
    snapshot = Snapshot(now, books, {})
    keys = set(needs.stock)
    if needs.reservations:
        for row in connection.execute(_READ_HOLDS, {"ids": _hex([id_ for _, id_ in needs.reservations])}):
            line = HeldLine(row.product_id, row.quantity, row.confirmed)
            hold = Reservation(
                row.id, row.store_id, Status(row.status), (line,), row.expires_at, row.customer_id, row.actor,
                row.terminal_id, row.created_at, row.updated_at, row.version,
            )  # fmt: skip
            add_hold_row(books, hold)
            keys.add((row.store_id, row.product_id))
    for store_id, product_id, *counters, known_store, known_product in connection.execute(
        _READ_STOCK, {"keys": _json(sorted(keys))}
    ):
        add_stock(books, store_id, product_id, counters, known_store, known_product)
    for id_, store_id, fingerprint, answer in connection.execute(_READ_COMMANDS, {"ids": _hex(needs.commands)}):
        snapshot.recorded[id_] = Recorded(store_id, fingerprint, answer)
    if needs.levels:
        for row in connection.execute(_READ_LEVELS, {"keys": _json(needs.levels)}):
            books.levels[row.store_id, row.product_id] = Levels(*row)
    if asked := needs.moved_since:
        wanted = _json([(*key, version) for key, version in asked.items()])
        add_moves(books, asked, map(tuple, connection.execute(READ_MOVES, {"keys": wanted})))
    return snapshot


def _json(value: object) -> str:
    return json.encode(value).decode()


def _hex(ids: Sequence[UUID]) -> str:
    return _json([id_.hex for id_ in ids])


# The statements are Core's, the parameters are bound by the driver itself: preparing 30 values a command in SQLAlchemy
# took as long as everything else together (measured: 66 of 107 µs of a command).
_UPDATE_STOCK = """
UPDATE stock SET on_hand = ?, unavailable = ?, allocated = ?, reserved = ?, incoming = ?, version = ?, updated_at = ?
WHERE store_id = ? AND product_id = ? AND version = ?"""
_UPDATE_HOLD = """
UPDATE reservations SET quantity = ?, confirmed = ?, status = ?, expires_at = ?, updated_at = ?, version = ?
WHERE id = ? AND store_id = ? AND product_id = ? AND version = ? AND status = 'PENDING'"""
_UPDATE_DOCUMENT = """
UPDATE documents SET status = ?, reference = ?, updated_at = ?, version = ?, body = ?
WHERE id = ? AND store_id = ? AND version = ?"""
_UPDATE_RECALLED = "UPDATE allotments SET wanted = ?, wanted_at = ? WHERE id = ? AND store_id = ?"
_INSERTS = {
    table.name: str(insert(table).compile(dialect=sqlite.dialect())) for table in tables.metadata.tables.values()
}
for replaced in (tables.levels, tables.allotments):
    _INSERTS[replaced.name] = str(insert(replaced).prefix_with("OR REPLACE").compile(dialect=sqlite.dialect()))


def _write(connection: Connection, writes: Writes) -> None:
    _insert(connection, tables.stock, writes.new_stock)
    _update(connection, _UPDATE_STOCK, writes.stock, 2)
    _update(connection, _UPDATE_HOLD, writes.reservations, 3)
    _insert(connection, tables.movements, writes.movements)
    _insert(connection, tables.levels, writes.levels)
    _insert(connection, tables.reservations, writes.new_reservations)
    _insert(connection, tables.commands, writes.commands)
    _insert(connection, tables.sales, writes.sales)
    _insert(connection, tables.sale_lines, writes.sale_lines)
    _insert(connection, tables.outbox, writes.outbox)
    _insert(connection, tables.documents, writes.new_documents)
    _update(connection, _UPDATE_DOCUMENT, writes.documents, 2)
    _insert(connection, tables.sale_line_pricing, writes.sale_line_pricing)
    _insert(connection, tables.tenders, writes.tenders)
    _insert(connection, tables.allotments, writes.allotments)
    _insert(connection, tables.draws, writes.draws)
    if writes.recalls:
        values = [(*row[2:], *row[:2]) for row in map(_stored, writes.recalls)]
        connection.exec_driver_sql(_UPDATE_RECALLED, values)


def _insert(connection: Connection, table: Table, rows: Sequence[Struct]) -> None:
    if rows:
        width = len(table.columns)
        connection.exec_driver_sql(_INSERTS[table.name], [_stored(row)[:width] for row in rows])


def _update(connection: Connection, statement: str, rows: Sequence[Struct], keys: int) -> None:
    """Rows begin with their `keys` and end with the version that was read, which is where the WHERE clause has them."""
    values = [(*row[keys:-1], *row[:keys], row[-1]) for row in map(_stored, rows)]
    if values and connection.exec_driver_sql(statement, values).rowcount != len(values):
        raise Conflict("a row's version moved")


def _stored(row: Struct) -> tuple[object, ...]:
    """Returns the fields of `row`, ids and times as SQLAlchemy's types store them on SQLite."""
    form = _FORMS.get
    return tuple([of(value) if (of := form(type(value))) else value for value in structs.astuple(row)])


@lru_cache(1024)  # most times of a batch are one and the same
def _stored_time(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


_FORMS: dict[type, Callable[[Any], str]] = {UUID: attrgetter("hex"), datetime: _stored_time, Answer: _json, Raw: _json}
