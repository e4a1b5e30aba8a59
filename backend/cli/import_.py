"""`mostrador import KIND FILE`: bring products, barcodes, prices, stock, stores or users in from a CSV file."""

import asyncio
from pathlib import Path

import click
import msgspec

from backend.database.engine import check_schema, open_database
from backend.imports.columns import COLUMNS
from backend.imports.reading import Progress
from backend.imports.service import ORDER, Imported, import_file

from .bars import progress_bars
from .options import database_options, database_url_of

SHOWN = 20
"""Errors that are printed; --json has all of them."""

_COLUMNS = "\n".join(
    f"  {kind:<9} {', '.join(x.name + ('' if x.required else '?') for x in COLUMNS[kind])}" for kind in ORDER
)
_HELP = f"""Bring a CSV file of KIND in: all of it, or nothing if a row of it is wrong.

The first line names the columns, in any order (those with ? may be left out):

\b
{_COLUMNS}

Commas, semicolons or tabs part them; the text is UTF-8. A row whose product, code, store or user is there already
changes it, a column that the file does not have stays as it is, and nothing is ever taken away. So a file can be
imported again, and what it says already is left alone. Stock goes through the ledger, which remembers each row of a
file: the same file does nothing more, even if units were sold meanwhile.

\b
Examples:
  mostrador import products products.csv --dry-run
  mostrador import products products.csv
  mostrador import stock stock.csv --json
"""


@click.command(name="import", help=_HELP)
@click.argument("kind", type=click.Choice(ORDER))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would change and what is wrong, and change nothing.")
@click.option("--again", is_flag=True, help="Set the stock of a file that was imported before once more.")
@database_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, with every error.")
def import_(
    kind: str, file: Path, dry_run: bool, again: bool, database_url: str | None, data: Path | None, as_json: bool
) -> int:
    """Returns the function of the command; its help is above."""
    url = database_url_of(database_url, data)
    with progress_bars(("read", "check", "write"), quiet=as_json) as progress:
        done = asyncio.run(_import(url, kind, file, progress, dry_run=dry_run, again=again))
    if as_json:
        click.echo(msgspec.json.encode(done))
    else:
        _show(done)
    return 1 if done.errors else 0


async def _import(url: str, kind: str, file: Path, progress: Progress, *, dry_run: bool, again: bool) -> Imported:
    db = open_database(url)
    try:
        await check_schema(db)
        return await import_file(db, kind, file, progress, dry_run=dry_run, again=again)
    finally:
        await db.close()


def _show(done: Imported) -> None:
    for error in done.errors[:SHOWN]:
        place = f"line {error.line}" + (f", {error.field}" if error.field else "")
        click.echo(f"{done.file}, {place}: {error.message}", err=True)
    if len(done.errors) > SHOWN:
        click.echo(f"… and {len(done.errors) - SHOWN:,} errors more; --json shows all.", err=True)
    what = f"{done.created:,} new, {done.changed:,} changed, {done.unchanged:,} as they were"
    if done.errors and not done.written:
        click.echo(f"Nothing was changed. Errors: {len(done.errors):,}; correct them and import it again.", err=True)
    elif done.errors:
        click.echo(f"{done.kind}: {what}, {len(done.errors):,} refused by the ledger.")
    elif not done.written:
        click.echo(f"{done.kind}: it would be {what}. Nothing was changed.")
    else:
        click.echo(f"{done.kind}: {what}.")
