"""The ledger's rows on SQLite: a whole batch in one hop to one thread.

`BEGIN IMMEDIATE` takes the write lock before the first read, so nothing can move between reading and writing; the
versions are checked all the same, because they are what the promise rests on.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

from msgspec import json
from sqlalchemy import Connection, Engine, Table, bindparam, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from backend import tables
from backend.model.decide import Books
from backend.model.reservations import HeldLine, Reservation, Status
from backend.model.stock import StockRow
from backend.settle import DueHold, DueHolds, Needs, Procedure, Recorded, Settled, Snapshot, Writes

from .ledger_errors import Conflict, DatabaseLost, Undone

_stock, _holds, _commands = tables.stock.c, tables.reservations.c, tables.commands.c

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
DUE_HOLDS = text("""
SELECT r.id, r.store_id, r.version
FROM json_each(:keys) k
JOIN reservations r ON r.store_id = json_extract(k.value, '$[0]') AND r.product_id = json_extract(k.value, '$[1]')
WHERE r.status = 'PENDING' AND r.expires_at <= :now
ORDER BY r.expires_at, r.id, r.product_id LIMIT 1000 OFFSET :skip
""").columns(_holds.id, _holds.store_id, _holds.version)
"""A short product's dead holds, by the partial index `ix_reservations_held`."""


class SqliteLedgerStore:
    """Runs batches one after the other in a thread of its own, on one connection."""

    def __init__(self, engine: Engine) -> None:
        """`engine` must begin its transactions with BEGIN IMMEDIATE (`backend.database.sqlite_writer`)."""
        self._engine = engine
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
        except OperationalError as error:
            raise DatabaseLost(str(error.orig)) from error
        except DBAPIError as error:
            raise Undone(str(error.orig)) from error


def _drive(connection: Connection, procedure: Procedure) -> Settled:
    now = datetime.now(UTC)
    try:
        request = next(procedure)
        while True:
            if isinstance(request, DueHolds):
                request = procedure.send(_due(connection, request, now))
            else:
                request = procedure.send(_read(connection, request, now))
    except StopIteration as stop:
        settled: Settled = stop.value
        return settled


def _due(connection: Connection, wanted: DueHolds, now: datetime) -> list[DueHold]:
    values = {"keys": _json(wanted.stock), "now": now, "skip": wanted.skip}
    return [DueHold(*row) for row in connection.execute(DUE_HOLDS, values)]


def _read(connection: Connection, needs: Needs, now: datetime) -> Snapshot:
    books = Books({}, set(), {})
    snapshot = Snapshot(now, books, {})
    keys = set(needs.stock)
    if needs.reservations:
        for row in connection.execute(_READ_HOLDS, {"ids": _hex(needs.reservations)}):
            before = books.reservations.get(row.id)
            lines = (*(before.lines if before else ()), HeldLine(row.product_id, row.quantity, row.confirmed))
            books.reservations[row.id] = Reservation(
                row.id, row.store_id, Status(row.status), lines, row.expires_at, row.customer_id, row.actor,
                row.terminal_id, row.created_at, row.updated_at, row.version,
            )  # fmt: skip
            keys.add((row.store_id, row.product_id))
    for store_id, product_id, *counters, known_store, known_product in connection.execute(
        _READ_STOCK, {"keys": _json(sorted(keys))}
    ):
        if known_store:
            books.stores.add(store_id)
            if counters[-1] is not None:
                books.stock[store_id, product_id] = StockRow(store_id, product_id, *counters)
            elif known_product:
                books.stock[store_id, product_id] = StockRow(store_id, product_id)
    for id_, store_id, fingerprint, answer in connection.execute(_READ_COMMANDS, {"ids": _hex(needs.commands)}):
        snapshot.recorded[id_] = Recorded(store_id, fingerprint, answer)
    return snapshot


def _json(value: object) -> str:
    return json.encode(value).decode()


def _hex(ids: Sequence[UUID]) -> str:
    return _json([id_.hex for id_ in ids])


_UPDATE_STOCK = (
    update(tables.stock)
    .where(_stock.store_id == bindparam("b0"), _stock.product_id == bindparam("b1"), _stock.version == bindparam("b9"))
    .values({column: bindparam(f"b{number}") for number, column in enumerate(tables.stock.columns) if number > 1})
)
_UPDATE_HOLD = (
    update(tables.reservations)
    .where(
        *(_holds.id == bindparam("b0"), _holds.store_id == bindparam("b1"), _holds.product_id == bindparam("b2")),
        *(_holds.version == bindparam("b8"), _holds.status == "PENDING"),
    )
    .values(
        confirmed=bindparam("b3"),
        status=bindparam("b4"),
        expires_at=bindparam("b5"),
        updated_at=bindparam("b6"),
        version=bindparam("b7"),
    )
)


def _write(connection: Connection, writes: Writes) -> None:
    _insert(connection, tables.stock, writes.new_stock)
    for statement, rows in ((_UPDATE_STOCK, writes.stock), (_UPDATE_HOLD, writes.reservations)):
        if rows:
            result = connection.execute(statement, [{f"b{n}": v for n, v in enumerate(row)} for row in rows])
            if result.rowcount != len(rows):
                raise Conflict("a row's version moved")
    _insert(connection, tables.movements, writes.movements)
    _insert(connection, tables.reservations, writes.new_reservations)
    _insert(connection, tables.commands, writes.commands)
    _insert(connection, tables.sales, writes.sales)
    _insert(connection, tables.sale_lines, writes.sale_lines)
    _insert(connection, tables.outbox, writes.outbox)


def _insert(connection: Connection, table: Table, rows: list[tuple[object, ...]]) -> None:
    if rows:
        names = table.columns.keys()
        connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])
