"""`mostrador release`: let units in quarantine be sold again."""

import asyncio
from pathlib import Path

import click
import msgspec

from backend.ids import new_id
from backend.model.verbs.release import Release

from .commanding import as_option, lines_of, sent, show_stock
from .options import database_options, database_url_of


@click.command()
@click.argument("store")
@click.argument("line", nargs=-1, required=True)
@click.option("--reason", default="", help="Why, in words.")
@click.option("--document", default="", help="The paper behind it.")
@as_option
@database_options
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def release(
    store: str,
    line: tuple[str, ...],
    reason: str,
    document: str,
    person: str,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Let units in quarantine be sold again: each LINE is PRODUCT=UNITS.

    \b
    Example:
      mostrador release 292 818981=1 --reason "inspected" --as luis
    """
    command = Release(id=new_id(), store_id=store, lines=lines_of(line), reason=reason, document_id=document)
    answer = asyncio.run(sent(database_url_of(database_url, data), person, command))
    if as_json:
        click.echo(msgspec.json.encode(answer))
    else:
        show_stock(answer)
