"""Opening the database, and its schema: PostgreSQL through asyncpg, or SQLite through aiosqlite, from one URL.

SQLite transactions are begun by us. The driver's own way starts them late and lets a read-then-write lose another
connection's update without an error.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, delete, event, insert, inspect, make_url, select, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from backend.database.state import DatabaseState
from backend.model.errors import InvalidInput
from backend.private_files import make_private_file

from .errors import DatabaseDamaged, DatabaseNewer, DatabaseNotMigrated, DataNotWritable, named, translated
from .migrations import OLDEST_READER
from .tables import metadata, schema_readers

BUSY_TIMEOUT_MS = 10_000
"""How long a SQLite connection waits for another process's write before it gives up."""

CONNECTIONS = 15
"""Kept open by a busy process. SQLAlchemy's overflow would open and close some for every burst of reads."""

_POOL = {"pool_size": CONNECTIONS, "max_overflow": 0, "hide_parameters": True}
"""What is written, hashes of secrets among it, does not get into the text of an error."""
_BEGIN_OPTION = "sqlite_begin"
_ONE_MOMENT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_MIGRATION_LOCK = 0x6D6F7374  # "most": any constant that all servers share


@dataclass(frozen=True)
class Database:
    """An open database. `engine` is for reads, each transaction one snapshot on SQLite; `writer` for small writes."""

    url: str
    dialect: Literal["postgresql", "sqlite"]
    engine: AsyncEngine
    state: DatabaseState = field(default_factory=DatabaseState, compare=False)
    """What this process knows to be wrong with it."""

    @property
    def writer(self) -> AsyncEngine:
        """The same connections, for transactions that read and then write: SQLite takes its write lock at once."""
        return self.engine.execution_options(**{_BEGIN_OPTION: "BEGIN IMMEDIATE"})

    @property
    def snapshot(self) -> AsyncEngine:
        """The same connections, for several reads that must see one moment while others write."""
        return self.engine if self.dialect == "sqlite" else self.engine.execution_options(**_ONE_MOMENT)

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def open_database(url: str) -> Database:
    """Open `url`: `postgresql://…` or `sqlite:///path`, with or without the driver's name. Connects on first use.

    Raises InvalidInput for any other URL.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_async_engine(parsed, connect_args={"isolation_level": None}, **_POOL)
        _listen(engine.sync_engine, "BEGIN")
        return Database(_text(parsed), "sqlite", engine, DatabaseState(one_file=True))
    arguments = {"server_settings": {"application_name": "mostrador"}}
    return Database(_text(parsed), "postgresql", create_async_engine(parsed, connect_args=arguments, **_POOL))


def sqlite_writer(url: str) -> Engine:
    """Returns a synchronous engine with one connection, whose every transaction holds SQLite's write lock from its
    start."""
    parsed = parse_url(url).set(drivername="sqlite+pysqlite")
    engine = create_engine(parsed, connect_args={"isolation_level": None}, pool_size=1, max_overflow=0)
    _listen(engine, "BEGIN IMMEDIATE")
    return engine


async def check_schema(db: Database) -> None:
    """Make sure that this version can work on the database.

    Raises DatabaseNotMigrated, DatabaseNewer, DatabaseDamaged, DataNotWritable, DatabaseRefused or DatabaseAway.
    """
    _check_exists(make_url(db.url))
    with translated(db.url):
        async with db.writer.connect() as connection:
            await connection.run_sync(_check, db.url)


async def migrate(url: str) -> None:
    """Bring the database to this version's schema, creating the tables of an empty one. Safe to run twice at once.

    Raises DatabaseNewer, DatabaseDamaged, DataNotWritable, DatabaseRefused or DatabaseAway; then nothing has changed.
    """
    db = open_database(url)
    try:
        with translated(db.url):
            if db.dialect == "sqlite":
                await asyncio.to_thread(_migrate_sqlite, db.url)
            else:
                async with db.engine.begin() as connection:
                    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
                    await connection.run_sync(_upgrade, db.url)
    finally:
        await db.close()


def _migrate_sqlite(url: str) -> None:
    with suppress(OSError):  # whatever is wrong, SQLite meets it next and says so
        make_private_file(Path(make_url(url).database or ""))
    engine = sqlite_writer(url)
    try:
        with engine.begin() as connection:
            _upgrade(connection, url)
    finally:
        engine.dispose()


def _upgrade(connection: Connection, url: str) -> None:
    """Runs in a transaction that nobody else can migrate in, and that takes all of it back when it fails."""
    if _revision(connection, url) is None and inspect(connection).has_table("stock"):
        raise DatabaseDamaged(f"{named(url)} has tables but no schema version; restore it from a backup.")
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    readers = [one.revision for one in _script().iterate_revisions("head", OLDEST_READER, inclusive=True)]
    connection.execute(delete(schema_readers))
    connection.execute(insert(schema_readers), [{"revision": revision} for revision in readers])


def _check_exists(url: URL) -> None:
    """Opening a SQLite file that is not there would create an empty one."""
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise DatabaseNotMigrated(f"{named(url)} does not exist; create it with: mostrador migrate")


def _check(connection: Connection, url: str) -> None:
    head = _script().get_current_head()
    try:
        revision = _revision(connection, url)
    except DatabaseNewer:
        # While a fleet is updated, servers of the release before go on, and may start anew, on the next schema.
        if connection.scalar(select(schema_readers.c.revision).where(schema_readers.c.revision == head)) is None:
            raise
        revision = head
    if revision != head:
        what = "has no tables yet" if revision is None else "has the tables of an older version"
        raise DatabaseNotMigrated(f"{named(url)} {what}; run: mostrador migrate")
    if connection.dialect.name == "postgresql" and connection.scalar(text("SHOW transaction_read_only")) == "on":
        raise DataNotWritable(f"{named(url)} is read-only; use its primary server.")
    columns = inspect(connection).get_multi_columns()
    actual = {table: {column["name"] for column in found} for (_, table), found in columns.items()}
    for table in metadata.sorted_tables:
        missing = {column.name for column in table.columns} - actual.get(table.name, set())
        if missing:
            lost = f"{table.name}.{min(missing)}"
            raise DatabaseDamaged(f"{named(url)} has lost {lost}; restore it from a backup.", lost=lost)


def _revision(connection: Connection, url: str) -> str | None:
    """Returns the schema version of the database; None when it has none.

    Raises DatabaseNewer for one that is unknown here.
    """
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is not None:
        try:
            _script().get_revision(revision)
        except CommandError as error:
            raise DatabaseNewer(
                f"{named(url)} was made by a newer version of Mostrador (schema {revision}); update Mostrador.",
                schema=revision,
            ) from error
    return revision


@cache
def _script() -> ScriptDirectory:
    """Returns the migrations of this version, read once: that takes longer than opening the database."""
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "backend:database/migrations")
    return config


def parse_url(url: str) -> URL:
    """Returns the parts of a database's URL, with our drivers. Raises InvalidInput for any other URL."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        raise InvalidInput("database_url", f"This is not a database URL: {url!r}.") from error
    match parsed.get_backend_name():
        case "sqlite" if parsed.database and parsed.database != ":memory:":
            return parsed.set(drivername="sqlite+aiosqlite")
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+asyncpg")
    message = "The database URL must be postgresql://user@host/name or sqlite:///path/of/a/file.db."
    raise InvalidInput("database_url", message)


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _listen(engine: Engine, begin: str) -> None:
    event.listen(engine, "connect", _set_pragmas)

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN_OPTION, begin))

    event.listen(engine, "begin", start)


def _set_pragmas(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
