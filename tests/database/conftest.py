"""Fixtures of the database tests."""

from collections.abc import AsyncIterator

import pytest

from backend.database.engine import Database, open_database


@pytest.fixture
async def sqlite_database(sqlite_url: str) -> AsyncIterator[Database]:
    """An empty migrated SQLite database."""
    db = open_database(sqlite_url)
    yield db
    await db.close()
