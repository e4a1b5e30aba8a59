"""Opening, migrating and refusing databases."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update

from backend.database.engine import Database, check_schema, migrate, open_database, sqlite_writer
from backend.database.errors import (
    DatabaseAway,
    DatabaseDamaged,
    DatabaseNewer,
    DatabaseNotMigrated,
    DatabaseRefused,
    DataNotWritable,
    translated,
)
from backend.database.tables import outbox
from backend.ids import new_id
from backend.model.errors import InvalidInput, MostradorError
from tests.servers import PostgresServer, free_port


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, database_kind: str, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables; on SQLite not even the file exists."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'new.db'}"
        return
    postgres: PostgresServer = request.getfixturevalue("postgres")
    name = postgres.create_database()
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


async def refusal(url: str) -> MostradorError:
    """What `check_schema` says about the database; one line, however long the driver's text is."""
    db = open_database(url)
    try:
        with pytest.raises(MostradorError) as caught:
            await check_schema(db)
    finally:
        await db.close()
    assert "\n" not in caught.value.message
    return caught.value


async def test_a_new_database_is_refused_until_it_is_migrated(empty_url: str) -> None:
    refused = await refusal(empty_url)
    assert isinstance(refused, DatabaseNotMigrated)
    assert "mostrador migrate" in refused.message
    await migrate(empty_url)
    db = open_database(empty_url)
    await check_schema(db)
    await db.close()


def test_checking_a_missing_file_does_not_create_it(tmp_path: Path) -> None:
    asyncio.run(refusal(f"sqlite:///{tmp_path / 'new.db'}"))
    assert list(tmp_path.iterdir()) == []


async def test_migrating_again_changes_nothing(database: Database) -> None:
    async with database.writer.begin() as connection:
        await connection.execute(
            text("INSERT INTO stores (id, name, created_at) VALUES ('292', 'Centro', '2026-01-01')")
        )
    await migrate(database.url)
    async with database.engine.connect() as connection:
        assert await connection.scalar(text("SELECT name FROM stores")) == "Centro"


async def test_migrating_many_times_at_once_is_migrating_once(empty_url: str) -> None:
    await asyncio.gather(*[migrate(empty_url) for _ in range(5)])
    db = open_database(empty_url)
    await check_schema(db)
    await db.close()


@pytest.mark.slow
async def test_processes_that_migrate_at_once_do_not_disturb_each_other(empty_url: str) -> None:
    program = f"import asyncio; from backend.database.engine import migrate; asyncio.run(migrate({empty_url!r}))"
    processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", program) for _ in range(3)]
    assert [await process.wait() for process in processes] == [0, 0, 0]
    db = open_database(empty_url)
    await check_schema(db)
    await db.close()


async def test_a_newer_schema_that_only_added_is_run_on(database: Database) -> None:
    """As while a fleet is updated: the migration has run, and a server of this release starts once more."""
    async with database.writer.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await connection.execute(text("INSERT INTO schema_readers VALUES ('9999')"))
        await connection.execute(text("ALTER TABLE stock ADD COLUMN colour text"))
    await check_schema(database)
    with pytest.raises(DatabaseNewer):
        await migrate(database.url)


async def test_a_newer_schema_is_refused_and_left_alone(database: Database) -> None:
    async with database.writer.begin() as connection:
        await connection.execute(text("DELETE FROM schema_readers"))
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    refused = await refusal(database.url)
    assert isinstance(refused, DatabaseNewer)
    assert refused.fields["schema"] == "9999"
    with pytest.raises(DatabaseNewer):
        await migrate(database.url)


async def test_an_older_schema_asks_for_migrate(database: Database) -> None:
    async with database.writer.begin() as connection:
        await connection.execute(text("DELETE FROM alembic_version"))
    assert isinstance(await refusal(database.url), DatabaseNotMigrated)


@pytest.mark.parametrize("sabotage", ["DROP TABLE outbox", "ALTER TABLE stock DROP COLUMN incoming"])
async def test_a_database_that_lost_a_part_is_damaged(database: Database, sabotage: str) -> None:
    async with database.writer.begin() as connection:
        await connection.execute(text(sabotage))
    refused = await refusal(database.url)
    assert isinstance(refused, DatabaseDamaged)
    assert refused.fields["lost"] in ("outbox.created_at", "stock.incoming")


async def test_tables_without_a_version_are_not_migrated_over(database: Database) -> None:
    async with database.writer.begin() as connection:
        await connection.execute(text("DROP TABLE alembic_version"))
    with pytest.raises(DatabaseDamaged):
        await migrate(database.url)


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def scribbled_over(content: bytes) -> bytes:
    return b"\xa5" * 200 + content[200:]


@pytest.mark.parametrize("damage", [truncated, scribbled_over])
async def test_a_damaged_file_is_refused(sqlite_url: str, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "mostrador.db"
    file.write_bytes(damage(file.read_bytes()))
    assert isinstance(await refusal(sqlite_url), DatabaseDamaged)
    with pytest.raises(DatabaseDamaged):
        await migrate(sqlite_url)


async def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataNotWritable):
        await migrate(f"sqlite:///{tmp_path / 'file' / 'new.db'}")


async def test_a_read_only_postgresql_is_refused(postgres_url: str) -> None:
    db = open_database(postgres_url)
    async with db.engine.begin() as connection:
        name = await connection.scalar(text("SELECT current_database()"))
        await connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    await db.close()
    assert isinstance(await refusal(postgres_url), DataNotWritable)


async def test_no_server_is_away_and_may_be_asked_again() -> None:
    refused = await refusal(f"postgresql://somebody:secret@127.0.0.1:{free_port()}/shop")
    assert isinstance(refused, DatabaseAway)
    assert refused.retryable
    assert "secret" not in refused.message


async def test_a_server_without_this_database_says_so(postgres: PostgresServer) -> None:
    assert isinstance(await refusal(postgres.url("no_such_database")), DatabaseRefused)
    assert isinstance(await refusal(postgres.url().replace("postgres@", "nobody_here@")), DatabaseRefused)


@pytest.mark.parametrize("url", ["", "shop.db", "mysql://root@localhost/shop", "sqlite://", "sqlite:///:memory:"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        open_database(url)
    assert caught.value.field == "database_url"


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("sqlite:////srv/shop.db", "sqlite+aiosqlite:////srv/shop.db"),
        ("postgresql://ana:pin@db/shop", "postgresql+asyncpg://ana:pin@db/shop"),
        ("postgres://db/shop", "postgresql+asyncpg://db/shop"),
    ],
)
def test_urls_are_completed(short: str, full: str) -> None:
    assert open_database(short).url == full


async def test_concurrent_read_then_write_loses_no_update(database: Database) -> None:
    row = {"id": new_id(), "store_id": "292", "payload": "0"}
    async with database.writer.begin() as connection:
        await connection.execute(insert(outbox).values(**row, created_at=text("CURRENT_TIMESTAMP")))

    async def add_one() -> None:
        async with database.writer.begin() as connection:
            count = await connection.scalar(select(outbox.c.payload).with_for_update())
            assert count is not None
            await connection.execute(update(outbox).values(payload=str(int(count) + 1)))

    await asyncio.gather(*[add_one() for _ in range(20)])
    async with database.engine.connect() as connection:
        assert await connection.scalar(select(outbox.c.payload)) == "20"


async def test_the_ledgers_connection_holds_the_write_lock_from_the_start(sqlite_url: str) -> None:
    engine = sqlite_writer(sqlite_url)
    db = open_database(sqlite_url)
    try:
        with engine.begin():
            async with db.engine.connect() as connection:
                await connection.execute(text("PRAGMA busy_timeout = 0"))
                with pytest.raises(DatabaseAway), translated(db.url):
                    await connection.execute(text("DELETE FROM outbox"))
    finally:
        engine.dispose()
        await db.close()
