"""`mostrador admin NAME`: make the first admin, or give an admin a new secret."""

import asyncio
import json
from pathlib import Path
from typing import TextIO

import click

from backend.auth.pins import Pins
from backend.database.engine import check_schema, open_database
from backend.people.service import make_admin

from .options import database_options, database_url_of
from .secret import secret_of, secret_option


@click.command()
@click.argument("name")
@click.option("--display-name", default="", help="The name that others see; default: NAME.")
@secret_option
@database_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def admin(
    name: str,
    display_name: str,
    secret_file: TextIO | None,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Make NAME an admin: new, or whoever NAME was before. The sessions of NAME end.

    The secret is never an argument: those are in the shell's history and in the list of processes.

    \b
    Examples:
      mostrador admin root
      mostrador admin root --secret-file /run/secrets/root --json
    """
    secret = secret_of(secret_file, "Secret, at least 8 characters")
    created = asyncio.run(_make(database_url_of(database_url, data), name, display_name, secret))
    if as_json:
        click.echo(json.dumps({"name": name, "role": "admin", "created": created}))
    else:
        click.echo(f"{name} is an admin now." if created else f"{name} is an admin now, with the new secret.")


async def _make(url: str, name: str, display_name: str, secret: str) -> bool:
    db = open_database(url)
    try:
        await check_schema(db)
        return await make_admin(db, Pins(), name, display_name, secret)
    finally:
        await db.close()
