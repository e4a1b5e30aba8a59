"""`mostrador backup FILE`: copy a SQLite database while it is used."""

import asyncio
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import click

from backend.database.engine import check_schema, open_database, parse_url
from backend.database.errors import DatabaseDamaged, DatabaseNewer, DatabaseNotMigrated, DataNotWritable
from backend.model.errors import InvalidInput, MostradorError
from backend.private_files import make_private_file
from backend.proof.books import prove

from .options import database_options, database_url_of


class BackupNotProved(MostradorError):
    """The numbers in the database are not the sums of their movements; no backup was made of it."""

    code = "backup_not_proved"


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@database_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def backup(file: Path, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Copy the database of a SQLite shop to FILE, while it is used.

    The copy is of one moment and has everything that was acknowledged before the command began. It gets its name only
    after it was checked: the file is whole, and every stock number in it is the sum of its movements. If not, the exit
    code is 1 and there is no FILE. A PostgreSQL database is copied by its own tools: pg_dump.

    \b
    Examples:
      mostrador backup /backup/shop.db
      mostrador verify --database-url sqlite:////backup/shop.db
    """
    url = parse_url(database_url_of(database_url, data))
    if url.get_backend_name() != "sqlite" or not url.database:
        raise InvalidInput("database_url", "This copies SQLite files only; copy a PostgreSQL database with pg_dump.")
    source = Path(url.database)
    if not source.exists():
        raise InvalidInput("database_url", f"{source} does not exist; check --database-url or --data.")
    if file.exists():
        raise InvalidInput("file", f"{file} exists; name a new file.")
    proved = copy_sqlite(source, file)
    size = file.stat().st_size
    if as_json:
        click.echo(json.dumps({"file": str(file), "bytes": size, "proved": proved}))
    else:
        checked = "every number proved" if proved else "whole, but not proved: its schema is another version's"
        click.echo(f"{file}: {size:,} bytes, durable, {checked}.")


def copy_sqlite(source: Path, target: Path) -> bool:
    """Copies a SQLite database that others may be writing to; `target` has its name once it is checked and durable.

    Returns whether its numbers were proved: those of another version's schema cannot be. Raises DataNotWritable,
    DatabaseDamaged or BackupNotProved; then there is no `target`.
    """
    part = target.with_name(target.name + ".part")
    _remove(part)
    try:
        make_private_file(part)
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(part)) as copy:
            # In one step: between steps a writer's commit would make it begin anew. With a WAL nobody waits for it.
            live.backup(copy, pages=-1)
            _check_file(copy, source)
        proved = asyncio.run(_prove(part, source))
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(target)
    except sqlite3.OperationalError as error:
        raise DataNotWritable(f"{target} cannot be written: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise _damaged(source) from error
    except OSError as error:
        raise DataNotWritable(f"{target} cannot be written: {error.strerror or error}.") from error
    finally:
        _remove(part)
    return proved


def _check_file(copy: sqlite3.Connection, source: Path) -> None:
    (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise _damaged(source)


async def _prove(part: Path, source: Path) -> bool:
    db = open_database(f"sqlite:///{part}")
    try:
        await check_schema(db)
        drifts = (await prove(db)).drifts
    except (DatabaseNotMigrated, DatabaseNewer):
        return False
    except DatabaseDamaged as error:
        raise _damaged(source) from error
    finally:
        await db.close()
    if drifts:
        first = f"{drifts[0].store_id} {drifts[0].product_id}: {drifts[0].what}".replace("  ", " ")
        raise BackupNotProved(
            f"{source} has drifted in {len(drifts)} numbers ({first}), so it was not copied over; run mostrador verify,"
            " and keep your older backups.",
            drifts=len(drifts),
        )
    return True


def _damaged(source: Path) -> DatabaseDamaged:
    return DatabaseDamaged(f"{source} is damaged, so it was not copied; keep your older backups, and restore one.")


def _remove(part: Path) -> None:
    """Removes an unfinished copy, and what SQLite keeps beside it while it is open."""
    for name in (part.name, f"{part.name}-wal", f"{part.name}-shm", f"{part.name}-journal"):
        part.with_name(name).unlink(missing_ok=True)
