"""Stores whose limits a test has set have none afterwards."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import delete

from backend.database.engine import open_database
from backend.database.tables import approval_limits


@pytest.fixture
async def unlimited(shop_url: str) -> AsyncIterator[None]:
    """Forgets all limits when the test is over."""
    yield
    db = open_database(shop_url)
    try:
        async with db.writer.begin() as connection:
            await connection.execute(delete(approval_limits))
    finally:
        await db.close()
