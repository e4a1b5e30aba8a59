"""How a database would run a statement: for tests that hold the hot ones to their indexes."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

from backend.database.engine import Database


def compiled(database: Database, statement: ClauseElement, values: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """The statement as this database gets it, and its parameters in order."""
    sql = statement.compile(dialect=database.engine.dialect)
    assert isinstance(sql, SQLCompiler)
    parameters = sql.construct_params(values) or {}
    return str(sql), tuple(parameters[name] for name in sql.positiontup or ())


async def plan(database: Database, sql: str, parameters: tuple[Any, ...], how: str = "") -> str:
    """The plan, a line per step."""
    explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else f"EXPLAIN {how}"
    async with database.engine.connect() as connection:
        rows = await connection.exec_driver_sql(f"{explain} {sql}", parameters)
        return "\n".join(str(row[-1]) for row in rows)
