"""Fixtures of every test: the real servers, once per session, and a migrated database of its own for each test."""

import asyncio
import gc
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from backend.database.engine import Database, migrate, open_database
from tests.servers import NatsServer, PostgresServer, RedisServer, nats_server, postgres_server, redis_server

QUICK_ON_BOTH = {"database", "ledger"}
"""Folders whose tests on PostgreSQL belong to the quick part: what they try is SQL. Elsewhere they count as slow."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name not in QUICK_ON_BOTH and "[postgresql" in item.name:
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    # What is loaded by now stays; looking through it again and again took a fifth of the time. Servers do the same.
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL for the session. It does not fsync: tests kill servers of ours, not this one."""
    with postgres_server(fsync=False) as server:
        yield server


@pytest.fixture(scope="session")
def nats() -> Iterator[NatsServer]:
    """A nats-server for the session, open to everybody; a test that stops one takes `start_nats`."""
    with nats_server() as server:
        yield server


@pytest.fixture
def start_nats() -> Iterator[Callable[[], NatsServer]]:
    """Starts private nats-servers, which the test may stop and start again; they end with the test."""
    with ExitStack() as servers:
        yield lambda: servers.enter_context(nats_server())


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """A redis-server for the session; a test that stops one takes `own_redis`."""
    with redis_server() as server:
        yield server


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A redis-server of this test's own."""
    with redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """The name of a migrated, empty database to make copies of."""
    name = postgres.create_database()
    asyncio.run(migrate(postgres.url(name)))
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty database file to make copies of."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of an empty migrated SQLite file of this test's own."""
    path = tmp_path / "mostrador.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
def postgres_url(postgres: PostgresServer, postgres_template: str) -> Iterator[str]:
    """The URL of an empty migrated PostgreSQL database of this test's own."""
    name = postgres.create_database(postgres_template)
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Runs the test twice: on SQLite and on PostgreSQL."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url = request.getfixturevalue(fixture)
    assert isinstance(url, str)
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Empty and migrated, on both kinds of database in turn."""
    opened = open_database(database_url)
    yield opened
    await opened.close()
