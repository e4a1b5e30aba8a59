"""What all small writes share: a transaction whose failures are sentences."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.model.errors import MostradorError

from .engine import Database
from .errors import translated


@asynccontextmanager
async def writing(db: Database) -> AsyncIterator[AsyncConnection]:
    """Yields a transaction that reads and then writes, committed at the end of the block and undone by an error in it.

    Raises DatabaseAway and its like in place of the driver's errors.
    """
    try:
        with translated(db.url):
            async with db.writer.begin() as connection:
                yield connection
    except MostradorError as error:
        db.state.note(error)
        raise
