"""`mostrador backup FILE`: copy a SQLite database while it is used."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import click

from backend.database.engine import parse_url
from backend.database.errors import DataNotWritable
from backend.model.errors import InvalidInput

from .options import database_options, database_url_of


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@database_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def backup(file: Path, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Copy the database of a SQLite shop to FILE, while it is used.

    The copy is of one moment and has everything that was acknowledged before the command began. A PostgreSQL database
    is copied by its own tools: pg_dump.

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
    copy_sqlite(source, file)
    size = file.stat().st_size
    click.echo(json.dumps({"file": str(file), "bytes": size}) if as_json else f"{file}: {size:,} bytes, durable.")


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a SQLite database that others may be writing to; `target` has its name only once it is whole and durable.

    Raises DataNotWritable when it cannot be written.
    """
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(part)) as copy:
            # In one step: between steps a writer's commit would make it begin anew. With a WAL nobody waits for it.
            live.backup(copy, pages=-1)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(target)
    except (sqlite3.Error, OSError) as error:
        part.unlink(missing_ok=True)
        raise DataNotWritable(f"{target} cannot be written: {error}.") from error
