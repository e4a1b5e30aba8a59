"""A furnished shop behind a running server, on both databases in turn."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from backend.auth import Tokens, load_signing_key
from backend.server import running
from backend.settings import Settings

from .shop import Shop, furnish


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """The shop. Its server has no socket: requests go straight to the application."""
    await furnish(database_url)
    settings = Settings.load(
        _env_file=None, database_url=database_url, nats_url="", signing_key_file=tmp_path / "key.pem"
    )
    tokens = Tokens(load_signing_key(settings.signing_key_file))
    async with running(settings) as app:
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # Litestar names the ASGI types itself
        async with httpx.AsyncClient(transport=transport, base_url="http://shop/api/v1/") as client:
            yield Shop(client, tokens, database_url)
