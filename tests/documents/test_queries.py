"""Documents are read by id, by reference, and in pages of a store's list, by the indexes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text

from backend.database import tables
from backend.database.engine import Database
from backend.database.reads import reading
from backend.documents.queries import (
    LATEST,
    Place,
    Side,
    document_by_id,
    documents_by_reference,
    documents_of,
    list_of,
)
from backend.ids import new_id
from tests.plans import compiled, plan

START = datetime(2026, 1, 1, tzinfo=UTC)


async def furnish(database: Database, number: int) -> list[UUID]:
    """Documents from store s0 to s1 and from s1 to s2 in turn, each changed a second after the one before it."""
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "store_id": f"s{n % 2}",
            "other_store_id": f"s{n % 2 + 1}",
            "kind": "note",
            "status": ("open", "done")[n // 2 % 2],
            "reference": f"N-{n}",
            "actor": "ana",
            "terminal_id": "T1",
            "created_at": START,
            "updated_at": START + timedelta(seconds=n),
            "version": 1,
            "body": "{}",
        }
        for n in range(number)
    ]
    async with database.writer.begin() as connection:
        await connection.execute(insert(tables.documents), rows)
        await connection.execute(text("ANALYZE documents"))
    return [row["id"] for row in rows]


async def test_one_is_found_by_id_and_kind_or_by_reference(database: Database) -> None:
    ids = await furnish(database, 4)
    async with reading(database) as connection:
        found = await document_by_id(connection, "note", ids[2])
        assert found is not None
        assert (found.id, found.store_id, found.reference, bytes(found.body)) == (ids[2], "s0", "N-2", b"{}")
        assert await document_by_id(connection, "count", ids[2]) is None
        assert await document_by_id(connection, "note", new_id()) is None
        assert [x.id for x in await documents_by_reference(connection, "note", "s1", "N-3")] == [ids[3]]
        assert await documents_by_reference(connection, "note", "s0", "N-3") == []


async def test_a_list_has_both_sides_in_pages_latest_first(database: Database) -> None:
    ids = await furnish(database, 12)
    async with reading(database) as connection:

        async def listed(statuses: list[str], **how: Any) -> list[int]:
            found = await documents_of(connection, "note", "s1", statuses, **how)
            return [ids.index(document.id) for document in found]

        both = ["open", "done"]
        assert await listed(both) == [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
        assert await listed(both, side=Side.OWN) == [11, 9, 7, 5, 3, 1]
        assert await listed(both, side=Side.OTHER) == [10, 8, 6, 4, 2, 0]
        assert await listed(["done"], side=Side.OWN) == [11, 7, 3]
        assert await listed([]) == []
        pages, after = [], LATEST
        while page := await documents_of(connection, "note", "s1", both, after=after, limit=5):
            pages.append([ids.index(document.id) for document in page])
            after = Place.of(page[-1])
        assert pages == [[11, 10, 9, 8, 7], [6, 5, 4, 3, 2], [1, 0]]


async def test_a_page_is_read_by_the_indexes(database: Database) -> None:
    await furnish(database, 4000)
    last = new_id()
    values: dict[str, Any] = {"store_id": "s1", "kind": "note", "status_0": "open", "status_1": "done", "limit": 51}
    values |= {"updated_at": START, "id": last if database.dialect == "postgresql" else last.hex}
    found = await plan(database, *compiled(database, list_of(Side.BOTH, 2), values))
    assert "ix_documents_store" in found
    assert "ix_documents_other_store" in found
    assert "Seq Scan" not in found
