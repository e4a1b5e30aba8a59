"""Stores whose limits and prices a test has set have none afterwards."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import delete

from backend.database.engine import open_database
from backend.database.tables import approval_limits, prices


@pytest.fixture
async def unlimited(shop_url: str) -> AsyncIterator[None]:
    """Forgets all limits and list prices when the test is over."""
    yield
    db = open_database(shop_url)
    try:
        async with db.writer.begin() as connection:
            await connection.execute(delete(approval_limits))
            await connection.execute(delete(prices))
    finally:
        await db.close()
