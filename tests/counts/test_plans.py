"""Posting a count reads what has moved a row since its scan, and not its history, nor the store's."""

from datetime import UTC, datetime

from sqlalchemy import insert, text

from backend.database import tables
from backend.database.engine import Database
from backend.ids import new_id
from backend.ledger import postgres, sqlite
from tests.plans import compiled, plan


async def test_the_movements_since_a_scan_are_found_by_their_key(database: Database) -> None:
    moved: dict[str, object] = dict.fromkeys(("reason", "actor", "terminal_id", "document_id"), "")
    moved |= dict.fromkeys(("on_hand_change", "reserved_change", "on_hand", "unavailable"), 0)
    moved |= dict.fromkeys(("allocated", "reserved", "incoming"), 0) | {"kind": "sell", "store_id": "292"}
    now = datetime.now(UTC)
    rows = [moved | {"product_id": f"p{n % 50}", "version": n, "command_id": new_id(), "at": now} for n in range(4000)]
    async with database.writer.begin() as connection:
        await connection.execute(insert(tables.movements), rows)
        await connection.execute(text("ANALYZE movements"))
    if database.dialect == "postgresql":
        found = await plan(database, postgres.READ_MOVES, (["292"], ["p7"], [3900]))
        assert any("Index Cond" in line and "version > " in line for line in found.splitlines())
    else:
        found = await plan(database, *compiled(database, sqlite.READ_MOVES, {"keys": '[["292","p7",3900]]'}))
        assert "SEARCH m USING" in found
        assert "version>?" in found
