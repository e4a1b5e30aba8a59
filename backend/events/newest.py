"""The rows that somebody else has changed since we told of them.

Two servers that write the same row may publish in the other order than they committed, and a sweep publishes what is
seconds old. Whoever listens takes the newer version, but a stream that keeps the last message would keep an old one. So
a relay looks, a moment after it published, whether it told the newest, and if not tells again.
"""

from collections.abc import Mapping

from msgspec import json
from sqlalchemy import text

from backend.database.engine import Database
from backend.model.stock import Key, StockRow

_COLUMNS = ", ".join(f"s.{name}" for name in StockRow.__struct_fields__)
_NEWER = {
    "postgresql": text(
        f"SELECT {_COLUMNS} FROM"
        " unnest(CAST(:stores AS text[]), CAST(:products AS text[]), CAST(:versions AS bigint[]))"
        " t(store_id, product_id, version) JOIN stock s ON s.store_id = t.store_id AND s.product_id = t.product_id"
        " WHERE s.version > t.version"
    ),
    "sqlite": text(
        f"SELECT {_COLUMNS} FROM json_each(:told) t JOIN stock s ON s.store_id = t.value ->> 0"
        " AND s.product_id = t.value ->> 1 WHERE s.version > t.value ->> 2"
    ),
}


async def newer_rows(database: Database, told: Mapping[Key, int]) -> list[StockRow]:
    """Returns those rows of `told` (key → version) that the database has a newer version of, as they are now."""
    if not told:
        return []
    flat = [(*key, version) for key, version in told.items()]
    if database.dialect == "sqlite":
        values: dict[str, object] = {"told": json.encode(flat).decode()}
    else:
        stores, products, versions = map(list, zip(*flat, strict=True))
        values = {"stores": stores, "products": products, "versions": versions}
    async with database.engine.connect() as connection:
        return [StockRow(*row) for row in await connection.execute(_NEWER[database.dialect], values)]
