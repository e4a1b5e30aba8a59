"""`mostrador migrate`: bring a database to this version's schema."""

import asyncio
import json
from pathlib import Path

import click

from backend.database import engine as database
from backend.database.errors import named

from .options import database_options, database_url_of


@click.command()
@database_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def migrate(database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Bring a database to this version's schema.

    An empty database gets its tables. Safe to run again, and by several servers at once: all of it happens or none.

    \b
    Example:
      mostrador migrate --database-url postgresql://mostrador@localhost/mostrador
    """
    url = database_url_of(database_url, data)
    asyncio.run(database.migrate(url))
    sentence = f"{named(url)} has the schema of this version."
    click.echo(json.dumps({"migrated": named(url)}) if as_json else sentence)
