"""The rules that distributed PostgreSQL (Citus) puts on keys hold, so a chain may outgrow one machine.

A distributed table lies on many machines, by its store; a reference table is whole on each of them. From Citus's
documentation: every unique key of a distributed table must contain the distribution column; a distributed table may
refer to another by a key that contains the column on both sides, or to a reference table; a reference table may not
refer to a distributed one.
"""

import re
from pathlib import Path

import pytest
from sqlalchemy import ForeignKeyConstraint, PrimaryKeyConstraint, Table, UniqueConstraint

from backend.database.tables import metadata

COLUMN = "store_id"
TABLES = metadata.sorted_tables
OPERATIONS = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


def is_distributed(table: Table) -> bool:
    return any(COLUMN in constraint.columns for constraint in unique_keys(table))


def unique_keys(table: Table) -> list[PrimaryKeyConstraint | UniqueConstraint]:
    return [key for key in table.constraints if isinstance(key, PrimaryKeyConstraint | UniqueConstraint)]


@pytest.mark.parametrize("table", [t for t in TABLES if is_distributed(t)], ids=str)
def test_every_unique_key_of_a_store_s_table_contains_the_store(table: Table) -> None:
    for key in unique_keys(table):
        assert COLUMN in key.columns, f"{table} is a store's table: put {COLUMN} into {key.columns.keys()}"
    for index in table.indexes:
        if f"DROP INDEX {index.name};" not in OPERATIONS:  # a guard beside others, which the recipe does without
            assert not index.unique or COLUMN in index.columns, f"{index.name} is unique: put {COLUMN} into it"


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_references_stay_on_one_machine(table: Table) -> None:
    for key in table.constraints:
        if not isinstance(key, ForeignKeyConstraint) or not is_distributed(key.referred_table):
            continue
        assert is_distributed(table), f"{table} is on every machine and may not refer to {key.referred_table}"
        pairs = [(element.parent.name, element.column.name) for element in key.elements]
        assert (COLUMN, COLUMN) in pairs, f"the reference from {table} to {key.referred_table} needs {COLUMN}"


def test_the_recipe_distributes_every_table() -> None:
    """docs/operations.md has one call for each table: this is the list to keep whole when a table is added."""
    told = {name: kind for kind, name in re.findall(r"create_(distributed|reference)_table\('(\w+)'", OPERATIONS)}
    assert told == {t.name: "distributed" if is_distributed(t) else "reference" for t in TABLES}
