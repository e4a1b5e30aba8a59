"""The previous release runs on the next schema: a migration adds, and takes nothing away that is in use.

Read from the migrations' text. What is numbered up to OLDEST_READER is run by no older release. A release that takes
something away, once no server needs it any more, moves OLDEST_READER to its own migration.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import backend.database.migrations
from backend.database.migrations import OLDEST_READER

VERSIONS = Path(backend.database.migrations.__path__[0]) / "versions"
TAKES_AWAY = {"drop_table", "drop_column", "rename_table", "alter_column", "execute"}
"""`execute` may do anything, so it counts as taking away, unless it is seen to begin with one of ADDS."""
ADDS = ("CREATE FUNCTION ", "CREATE TRIGGER ", "CREATE VIEW ", "CREATE VIRTUAL TABLE ", "INSERT INTO ")


def refused(source: str) -> Iterator[str]:
    """What in the `upgrade` of a migration would stop a server of the release before."""
    for function in ast.parse(source).body:
        if not (isinstance(function, ast.FunctionDef) and function.name == "upgrade"):
            continue
        for call in ast.walk(function):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
                continue
            if call.func.attr in TAKES_AWAY and not _adds(call):
                yield call.func.attr
            if call.func.attr == "add_column":
                yield from _unfillable(call)


def _adds(call: ast.Call) -> bool:
    return (
        isinstance(call.func, ast.Attribute)
        and call.func.attr == "execute"
        and isinstance(sql := call.args[0], ast.Constant)
        and str(sql.value).startswith(ADDS)
    )


def _unfillable(add_column: ast.Call) -> Iterator[str]:
    for column in add_column.args:
        if isinstance(column, ast.Call):
            said = {word.arg: word.value for word in column.keywords}
            required = isinstance(null := said.get("nullable"), ast.Constant) and null.value is False
            if required and "server_default" not in said:
                yield "add_column NOT NULL without server_default"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("op.drop_column('stock', 'x')", ["drop_column"]),
        (
            "op.add_column('stock', sa.Column('x', sa.Text, nullable=False))",
            ["add_column NOT NULL without server_default"],
        ),
        ("op.add_column('stock', sa.Column('x', sa.Text, nullable=False, server_default=''))", []),
        ("op.execute('DROP TRIGGER x ON y')", ["execute"]),
        ("op.execute(statement)", ["execute"]),
        ("op.execute('CREATE TRIGGER x AFTER INSERT ON y BEGIN SELECT 1; END')", []),
        ("op.create_table('x', sa.Column('id', sa.Text, nullable=False))", []),
    ],
)
def test_what_an_older_server_could_not_bear_is_found(line: str, found: list[str]) -> None:
    assert list(refused(f"def upgrade():\n    {line}\n\ndef downgrade():\n    op.drop_table('x')\n")) == found


def test_every_later_migration_only_adds() -> None:
    names = sorted(path.stem for path in VERSIONS.glob("[0-9]*.py"))
    assert names
    for name in names:
        if name[:4] > OLDEST_READER:
            assert list(refused((VERSIONS / f"{name}.py").read_text("utf-8"))) == [], name
