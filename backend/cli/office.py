"""What the commands share that manage a shop: the caller they act as, their lists, and how they show them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from msgspec import Struct, ValidationError, json
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.ended import EndedSessions
from backend.auth.roles import EVERY_STORE
from backend.auth.tokens import ENDED_MEMORY, Claims
from backend.database.audit_trail import Origin
from backend.database.engine import Database, check_schema, open_database
from backend.database.reads import reading
from backend.http.invalid import invalid_body
from backend.model.scopes import Scope
from backend.model.stock import Who

from .options import console, database_options, database_url_of

ACTOR = "system:cli"
ORIGIN = Origin(ACTOR)
CALLER = Claims(
    actor=ACTOR,
    role="admin",
    scopes=frozenset(Scope),
    stores=frozenset({EVERY_STORE}),
    store_id="",
    terminal_id="",
    expires_at=datetime.max.replace(tzinfo=UTC),
    who=Who(ACTOR),
)
"""Who has the database may do everything, and is told in the audit trail as what they are."""
_AT_ONCE = 500

T = TypeVar("T")
S = TypeVar("S", bound=Struct)
Command = Callable[..., Any]


def office_options(command: Command) -> Command:
    """Add the options that say which database is meant, and `--json`."""
    as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
    return database_options(as_json(command))


def no_ended_sessions() -> EndedSessions:
    """Returns what use cases tell of ended sessions: here is no server to hear it, and others look for themselves."""
    return EndedSessions(ENDED_MEMORY.total_seconds())


def in_database(database_url: str | None, data: Path | None, use: Callable[[Database], Awaitable[T]]) -> T:
    """Returns what `use` answers, with the database that is meant open. Raises what `check_schema` and `use` raise."""

    async def run() -> T:
        db = open_database(database_url_of(database_url, data))
        try:
            await check_schema(db)
            return await use(db)
        finally:
            await db.close()

    return asyncio.run(run())


async def everything(db: Database, page: Callable[[AsyncConnection, T | None, int], Awaitable[Sequence[T]]]) -> list[T]:
    """Returns all rows of a list; `page` gets the last row of the page before, and how many rows it may have."""
    found: list[T] = []
    async with reading(db) as connection:
        while True:
            rows = await page(connection, found[-1] if found else None, _AT_ONCE)
            found.extend(rows)
            if len(rows) < _AT_ONCE:
                return found


def body_of(kind: type[S], **fields: object) -> S:
    """Returns the body that a request with these fields would have; what is None was not said. Raises InvalidInput."""
    sent = json.encode({name: value for name, value in fields.items() if value is not None})
    try:
        return json.decode(sent, type=kind)
    except ValidationError as error:
        raise invalid_body(str(error), sent) from error


def tell(as_json: bool, result: object, sentence: str) -> None:
    """Print what was done, for a program or for a person."""
    click.echo(msgspec.json.encode(result) if as_json else sentence)


def show(as_json: bool, rows: Sequence[Struct], columns: Sequence[str], none: str) -> None:
    """Print a list, for a program or for a person; `none` is the sentence of an empty one."""
    if as_json:
        click.echo(msgspec.json.encode(rows))
        return
    if not rows:
        click.echo(none)
        return
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(*(_cell(getattr(row, name)) for name in columns))
    console().print(table)


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}Z"
    if isinstance(value, tuple | list):
        return " ".join(map(str, value))
    return "" if value is None else str(value)
