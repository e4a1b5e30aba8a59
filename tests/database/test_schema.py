"""Migrating from zero gives exactly the declared schema, on both databases."""

from collections.abc import Callable
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Connection, Inspector, MetaData, Table, inspect, text

from backend.database.engine import Database
from backend.database.tables import metadata


async def test_migrations_add_up_to_the_declared_schema(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert await connection.run_sync(_differences, metadata) == []


async def test_a_difference_would_be_found(database: Database) -> None:
    changed = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.sorted_tables:
        table.to_metadata(changed)
    changed.tables["stock"].append_column(Column("extra", changed.tables["stock"].c.on_hand.type))
    async with database.engine.connect() as connection:
        assert len(await connection.run_sync(_differences, changed)) == 1


async def test_constraints_indexes_and_defaults_are_the_declared_ones(database: Database) -> None:
    """What Alembic's comparison does not see: CHECKs, predicates of indexes, server defaults, names of keys."""
    async with database.writer.connect() as connection:
        migrated = await connection.run_sync(_details)
        await connection.run_sync(_create_declared)
        declared = await connection.run_sync(_details)
        await connection.rollback()
    assert migrated == declared
    assert migrated["stock"]["checks"].keys() == {"ck_stock_counters", "ck_stock_available"}
    assert "PENDING" in str(migrated["reservations"]["indexes"]["ix_reservations_due"])


@pytest.mark.parametrize(("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)])
async def test_sqlite_connections_are_durable_and_checked(
    sqlite_database: Database, pragma: str, value: object
) -> None:
    async with sqlite_database.engine.connect() as connection:
        assert await connection.scalar(text(f"PRAGMA {pragma}")) == value


def _differences(connection: Connection, target: MetaData) -> list[Any]:
    options = {"compare_type": True, "include_name": _is_declared, "include_object": _is_of(connection.dialect.name)}
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, target))


def _is_declared(name: str | None, kind: str, _: Any) -> bool:
    """Which months there are depends on the day; the word index of SQLite keeps tables of its own."""
    return kind != "table" or not str(name).startswith(("movements_", "product_words"))


def _is_of(dialect: str) -> Callable[..., bool]:
    """Alembic's comparison does not ask for which database an index is."""
    return lambda _object, name, *_: dialect == "postgresql" or name != "ix_product_search_words"


def _create_declared(connection: Connection) -> None:
    """Replace the migrated tables by those that tables.py declares; the transaction is rolled back afterwards."""
    metadata.drop_all(connection)
    metadata.create_all(connection)


def _details(connection: Connection) -> dict[str, dict[str, Any]]:
    inspector = inspect(connection)
    return {table.name: _details_of(inspector, table) for table in metadata.sorted_tables}


def _details_of(inspector: Inspector, table: Table) -> dict[str, Any]:
    name = table.name
    return {
        "columns": {c["name"]: (str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(name)},
        "checks": {c["name"]: c["sqltext"] for c in inspector.get_check_constraints(name)},
        "primary key": inspector.get_pk_constraint(name),
        "foreign keys": {k["name"]: k for k in inspector.get_foreign_keys(name)},
        "unique": {u["name"]: u["column_names"] for u in inspector.get_unique_constraints(name)},
        "indexes": {i["name"]: (i["column_names"], i["unique"], _predicate(i)) for i in inspector.get_indexes(name)},
    }


def _predicate(index: Any) -> str:
    options = index.get("dialect_options", {})
    return str(options.get("sqlite_where", options.get("postgresql_where", "")))
