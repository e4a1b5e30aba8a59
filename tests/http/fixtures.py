"""A furnished shop behind a running server, on both databases in turn."""

import asyncio
import logging
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import structlog

from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from backend.server import running
from backend.settings import Settings
from tests.servers import PostgresServer

from .described import hold_to_the_document
from .shop import Shop, forget_trade, furnish


@pytest.fixture(scope="session")
def furnished_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A furnished SQLite file, shared: whoever uses it leaves it as it was."""
    path = tmp_path_factory.mktemp("shop") / "mostrador.db"
    shutil.copyfile(sqlite_template, path)
    asyncio.run(furnish(f"sqlite+aiosqlite:///{path}"))
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture(scope="session")
def furnished_postgresql(postgres: PostgresServer, postgres_template: str) -> str:
    """A furnished PostgreSQL database, shared: whoever uses it leaves it as it was."""
    url = postgres.url(postgres.create_database(postgres_template))
    asyncio.run(furnish(url))
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def shop_url(request: pytest.FixtureRequest) -> str:
    """Runs the test twice: on SQLite and on PostgreSQL."""
    url = request.getfixturevalue(f"furnished_{request.param}")
    assert isinstance(url, str)
    return url


@pytest.fixture
async def shop(shop_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """The shop, without stock. Its server has no socket: requests go straight to the application."""
    async with shop_of(shop_url, tmp_path) as shop:
        yield shop
    await forget_trade(shop_url)


@asynccontextmanager
async def shop_of(url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A server of the shop in the database at `url`, and a client that holds its answers to the document."""
    settings = Settings.load(_env_file=None, database_url=url, nats_url="", signing_key_file=tmp_path / "key.pem")
    tokens = Tokens(load_signing_key(settings.signing_key_file))
    async with server_of(settings) as client:
        await hold_to_the_document(client)
        yield Shop(client, tokens, url)


@asynccontextmanager
async def server_of(settings: Settings, address: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    """A server without a socket, and a client of it at `address`."""
    async with running(settings) as app:
        transport = httpx.ASGITransport(app, client=(address, 1))  # type: ignore[arg-type]  # Litestar's own ASGI types
        async with httpx.AsyncClient(transport=transport, base_url="http://shop/api/v1/") as client:
            yield client


@pytest.fixture
def many_sign_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a walk that calls every route that takes a PIN many times."""
    monkeypatch.setattr("backend.http.rates.SIGN_INS", 10_000)


@pytest.fixture
async def twin(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """A client at another address, of a second server of the same fleet, which looks often for ended sessions."""
    monkeypatch.setattr("backend.people.ended_sessions.PAUSE_SECONDS", 0.05)
    settings = Settings.load(
        _env_file=None, database_url=shop.database_url, nats_url="", signing_key_file=tmp_path / "key.pem"
    )
    async with server_of(settings, "192.0.2.9") as client:
        yield client


@pytest.fixture
def process_wide(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For tests that change what belongs to the whole process, logging and signals: afterwards it is as before."""
    # Loggers that are kept once they are bound would be what they are for the tests that follow too.
    configure = structlog.configure
    monkeypatch.setattr(
        structlog, "configure", lambda **given: configure(**given | {"cache_logger_on_first_use": False})
    )
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    for number, handler in signals.items():
        signal.signal(number, handler)
