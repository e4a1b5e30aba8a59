"""What all small writes share: a transaction whose failures are sentences."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.model.errors import MostradorError

from .engine import Database
from .errors import translated

WRITE_SECONDS = 10.0
"""How long a write may take on PostgreSQL, waiting for a connection and for locks included: as long as a read."""


@asynccontextmanager
async def writing(db: Database, *, at_leisure: bool = False) -> AsyncIterator[AsyncConnection]:
    """Yields a transaction that reads and then writes, committed at the end of the block and undone by an error in it.

    The whole block has WRITE_SECONDS, unless it is `at_leisure`: whole files, and work in the background. Raises
    DatabaseAway and its like in place of the driver's errors.
    """
    limited = db.dialect == "postgresql" and not at_leisure
    try:
        with translated(db.url):
            async with asyncio.timeout(WRITE_SECONDS if limited else None), db.writer.begin() as connection:
                yield connection
    except MostradorError as error:
        db.state.note(error)
        raise
