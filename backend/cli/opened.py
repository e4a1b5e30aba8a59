"""Opens a shop for a command of the operator's: its database, with a ledger beside those of running servers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from backend.database.engine import Database, check_schema, open_database
from backend.ledger.lanes import Ledger, open_ledger
from backend.model.stock import Who

from .options import database_options, database_url_of

OPERATOR = Who("system:cli")
Result = TypeVar("Result")


def shop_and_json(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say which shop is meant, and `--json`."""
    command = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)
    return database_options(command)


def run(database_url: str | None, data: Path | None, act: Callable[[Database, Ledger], Awaitable[Result]]) -> Result:
    """Returns what `act` does in the shop that is meant. Raises MostradorError when that cannot be opened."""

    async def acted() -> Result:
        async with _opened(database_url_of(database_url, data)) as (db, ledger):
            return await act(db, ledger)

    return asyncio.run(acted())


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[tuple[Database, Ledger]]:
    """Opens database and ledger; running servers publish what the ledger changes."""
    db = open_database(url)
    try:
        await check_schema(db)
        ledger = open_ledger(db, lambda _: None)
        await ledger.start()
        try:
            yield db, ledger
        finally:
            await ledger.close()
    finally:
        await db.close()
