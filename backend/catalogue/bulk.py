"""Writes many products with one statement each few thousand: the index of words is kept per statement, not per row.

SQLite's triggers put each row into its word index, which flushes at the end of every statement that has triggers;
PostgreSQL's triggers run once a statement. A statement a product took four times as long.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from msgspec import json
from sqlalchemy import Dialect, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import database_now
from backend.database.tables import products


async def insert_products(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes new products; all rows have the same columns. Raises IntegrityError for an id or SKU that is taken."""
    if rows:
        statement = _insert(connection.dialect, tuple(rows[0]))
        values = [list(row.values()) for row in rows]
        await connection.execute(statement, {"rows": json.encode(values).decode()})


@cache
def _insert(dialect: Dialect, names: tuple[str, ...]) -> TextClause:
    if dialect.name == "sqlite":
        cells, source = [f"value ->> {place}" for place in range(len(names))], "json_each(:rows)"
    else:
        types = [products.c[name].type.compile(dialect) for name in names]
        cells = [f"CAST(value ->> {place} AS {of})" for place, of in enumerate(types)]
        source = "json_array_elements(CAST(CAST(:rows AS text) AS json)) value"
    now = database_now().compile(dialect=dialect)
    columns = ", ".join((*names, "created_at", "updated_at"))
    return text(f"INSERT INTO products ({columns}) SELECT {', '.join(cells)}, {now}, {now} FROM {source}")
