"""A page of a list costs what it shows, not what exists: each is read in the order of its index."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, insert, text

from backend.catalogue import search_queries as catalogue
from backend.database import tables
from backend.database.engine import Database
from backend.ids import new_id
from backend.reservations import list_queries as reservation_lists
from backend.reservations.list_queries import DeadlineKey
from backend.sales import queries as sales
from backend.stock import history_queries as history
from backend.stock import queries as stock
from backend.stock.history_queries import StepKey
from tests.plans import compiled, plan

START = datetime(2026, 1, 1, tzinfo=UTC)
MIDDLE = START + timedelta(seconds=1000)
PAGE = {"store_id": "s1", "since": START, "limit": 51}


async def many(database: Database) -> None:
    """Sales and movements of four stores, 2,000 of each kind."""
    moved: dict[str, Any] = dict.fromkeys(("reason", "actor", "terminal_id", "document_id"), "")
    moved |= dict.fromkeys(("on_hand_change", "reserved_change", "on_hand", "unavailable"), 0)
    moved |= dict.fromkeys(("allocated", "reserved", "incoming"), 0) | {"kind": "sell"}
    sold: dict[str, Any] = {"receipt_number": "", "terminal_id": "", "actor": "", "total_cents": 0}
    rows: list[dict[str, Any]] = [{"store_id": f"s{n % 4}", "at": START + timedelta(seconds=n)} for n in range(2000)]
    async with database.writer.begin() as connection:
        await connection.execute(
            insert(tables.movements),
            [
                moved | row | {"product_id": f"p{n % 50}", "version": n, "command_id": new_id()}
                for n, row in enumerate(rows)
            ],
        )
        await connection.execute(
            insert(tables.sales),
            [sold | {"id": new_id(), "store_id": row["store_id"], "sold_at": row["at"]} for row in rows],
        )
        await connection.execute(text("ANALYZE movements"))
        await connection.execute(text("ANALYZE sales"))


async def held(database: Database) -> None:
    """2,000 holds, most of them ended."""
    hold: dict[str, Any] = dict.fromkeys(("customer_id", "actor", "terminal_id"), "") | {"quantity": 1, "version": 1}
    rows = [
        hold
        | {"id": new_id(), "store_id": f"s{n % 4}", "product_id": f"p{n % 50}"}
        | {"status": "EXPIRED" if n % 20 else "PENDING"}
        | dict.fromkeys(("expires_at", "created_at", "updated_at"), START + timedelta(seconds=n))
        for n in range(2000)
    ]
    async with database.writer.begin() as connection:
        await connection.execute(insert(tables.reservations), rows)
        await connection.execute(text("ANALYZE reservations"))


async def how(database: Database, statement: Select[Any], **values: Any) -> str:
    found = await plan(database, *compiled(database, statement, values))
    assert "Seq Scan on movements_first" not in found  # the default partition is empty
    assert "Seq Scan on sales" not in found
    return found


async def test_pain_14_lists_are_read_by_their_indexes(database: Database) -> None:
    await many(database)
    last_sale = {"sold_at": MIDDLE, "id": new_id() if database.dialect == "postgresql" else new_id().hex}
    last_step = StepKey(MIDDLE, "p1", 1)._asdict()

    assert "ix_sales_store_id_sold_at" in await how(database, sales.OF_STORE, **PAGE, **last_sale)
    # A partition of PostgreSQL's names its part of an index itself.
    await held(database)
    live = DeadlineKey(MIDDLE, UUID(int=0))._asdict()
    if database.dialect == "sqlite":
        live["id"] = live["id"].hex
    live_plan = await plan(
        database, *compiled(database, reservation_lists.LIVE_OF_STORE, live | {"store_id": "s1", "limit": 51})
    )
    assert "ix_reservations_held" in live_plan or "ix_reservations_due" in live_plan
    ended = await how(
        database, reservation_lists.OF_PRODUCT[None], store_id="s1", product_id="p1", before=900, limit=51
    )
    assert "Seq Scan on reservations" not in ended
    assert "SCAN reservations" not in ended
    assert "_store_id_at" in await how(database, history.OF_STORE, **PAGE, **last_step)
    of_product = await how(database, history.OF_PRODUCT, **PAGE, **last_step, one_product="p1")
    assert "pk_movements" in of_product or "_store_id_at" in of_product or "PRIMARY KEY" in of_product
    story = await how(database, history.STORY, store_id="s1", product_id="p1", before=1000, limit=51)
    assert "pk_movements" in story or "sqlite_autoindex_movements" in story


async def test_stock_at_some_keys_is_found_by_its_key(database: Database) -> None:
    """2,000 rows are there, two are asked for."""
    named = [{"id": f"p{n}", "name": "", "created_at": START} for n in range(2000)]
    product = {"price_cents": 1, "search_text": "", "updated_at": START}
    row = {"store_id": "s1", "on_hand": 1, "version": 1, "updated_at": START}
    async with database.writer.begin() as connection:
        await connection.execute(insert(tables.stores), [{"id": "s1", "name": "", "created_at": START}])
        await connection.execute(insert(tables.products), [product | p | {"sku": p["id"]} for p in named])
        await connection.execute(insert(tables.stock), [row | {"product_id": p["id"]} for p in named])
        for table in ("products", "stock"):
            await connection.execute(text(f"ANALYZE {table}"))
    keys: dict[str, Any] = {"keys": '[["s1","p1"],["s1","p2"]]'}
    if database.dialect == "postgresql":
        keys = {"stores": ["s1", "s1"], "products": ["p1", "p2"]}
    by_key = await how(database, stock.STOCK_AT[database.dialect], **keys)
    behind = await how(database, catalogue.BEHIND, after="p1", limit=50)
    behind += await how(database, stock.BEHIND, after_store="s1", after_product="p1", limit=50)
    for table in ("products", "stock"):
        assert f"Seq Scan on {table}" not in by_key + behind
        assert f"SCAN {table}" not in by_key + behind
