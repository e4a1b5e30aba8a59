"""A page of acts is read in the order of an index in every store, whatever is asked."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import insert, text

from backend.audit.queries import Place, Question, statement
from backend.database.engine import Database
from backend.database.tables import audit, commands
from backend.ids import new_id
from tests.plans import compiled, plan

STORES = ("norte", "sur")
NOW = datetime.now(UTC)


async def busy_days(database: Database) -> None:
    who = {"actor": "ana", "terminal_id": "T1", "at": NOW}
    command = {"kind": "sell", "fingerprint": "", "answer": "{}"}
    act = dict.fromkeys(("address", "action", "subject", "request_id"), "")
    async with database.writer.begin() as connection:
        for store_id in STORES:
            rows = [{"store_id": store_id, "id": new_id(), **who} for _ in range(2000)]
            await connection.execute(insert(commands), [row | command for row in rows])
            await connection.execute(insert(audit), [row | act for row in rows])
        for table in ("commands", "audit"):
            await connection.execute(text(f"ANALYZE {table}"))


async def planned(database: Database, question: Question) -> str:
    sql, values = statement(question, Place(NOW, UUID(int=0)), 51)
    plain = values if database.dialect == "postgresql" else {name: _plain(value) for name, value in values.items()}
    return await plan(database, *compiled(database, sql, plain))


def _plain(value: object) -> object:
    return value if isinstance(value, int | str) else str(value)


async def test_it_is_read_by_the_indexes_and_never_sorted_whole(database: Database) -> None:
    await busy_days(database)
    for question in (
        Question(STORES, NOW),
        Question(STORES, NOW, actor="ana", action="sell"),
        Question(STORES, NOW, subject="user:ana"),
        Question(STORES, NOW, subject=f"command:{new_id()}"),
    ):
        shown = await planned(database, question)
        assert "Seq Scan" not in shown, shown
        assert "SCAN audit" not in shown, shown
        assert "SCAN commands" not in shown, shown
        assert shown.count("pk_audit" if database.dialect == "postgresql" else "SEARCH audit") in {0, 2}, shown
    shown = await planned(database, Question(STORES, NOW))
    assert shown.count("ix_commands_store_id_at_id") == 2, shown
