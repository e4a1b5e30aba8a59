"""`mostrador seal`: seal the movements of finished days, so that a changed history shows."""

import asyncio
import json
from pathlib import Path

import click

from backend.database.engine import Database
from backend.seals.chain import Seal
from backend.seals.service import seal_days

from .commanding import on_database
from .options import database_options, database_url_of
from .signing import signing_keys


@click.command()
@database_options
@click.option("--json", "as_json", is_flag=True, help="Print the new seals as JSON.")
def seal(database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Seal the movements of finished days, so that a changed history shows.

    Each store and day gets a head, the SHA-256 of the day's movements and of the head before it, signed with the
    server's signing key. `mostrador verify --chain` recomputes them. Run it every night, and keep its output somewhere
    else: who has the database and the key could seal another history, but not the one that you have written down.
    Safe to run again.

    \b
    Examples:
      mostrador seal
      mostrador seal --database-url postgresql://mostrador@db/mostrador --json
    """
    key, _ = signing_keys(database_url, data)

    async def work(db: Database) -> list[Seal]:
        return await seal_days(db, key)

    made = asyncio.run(on_database(database_url_of(database_url, data), work))
    if as_json:
        told = ("store_id", "day", "movements", "previous", "head", "key_id")
        click.echo(json.dumps([{name: getattr(one, name) for name in told} for one in made]))
        return
    for one in made:
        click.echo(f"store {one.store_id} {one.day}: {one.movements} movements, {one.head}")
    if not made:
        click.echo("Every finished day is sealed already.")
