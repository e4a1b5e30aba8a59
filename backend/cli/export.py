"""`mostrador export KIND FILE`: write the shop's data into CSV files that `mostrador import` takes back."""

import asyncio
import json
from pathlib import Path

import click

from backend.database.engine import check_schema, open_database
from backend.imports.reading import Progress
from backend.imports.service import ORDER
from backend.imports.writing import export_files
from backend.model.errors import InvalidInput

from .bars import progress_bars
from .options import database_options, database_url_of


@click.command()
@click.argument("kind", type=click.Choice([*ORDER, "all"]))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Write over a file that exists.")
@database_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def export(kind: str, file: Path, force: bool, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Write all there is of KIND to FILE, as CSV; of `all` the six files into the directory FILE.

    What is written is of one moment, also while servers write. `mostrador import` takes each file back: into an empty
    database in the order stores, users, products, barcodes, prices, stock. Of users the file has the hashes of their
    PINs, so only its owner may read it: keep it so.

    \b
    Examples:
      mostrador export products products.csv
      mostrador export all backup-2026-11-24 --json
    """
    files = {kind: file} if kind != "all" else {each: file / f"{each}.csv" for each in ORDER}
    for path in files.values():
        if path.exists() and not force:
            raise InvalidInput("file", f"{path} exists; name a new file, or add --force.")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with progress_bars(tuple(files), quiet=as_json) as progress:
        written = asyncio.run(_export(database_url_of(database_url, data), files, progress))
    if as_json:
        click.echo(json.dumps({each: {"file": str(files[each]), "rows": rows} for each, rows in written.items()}))
        return
    for each, rows in written.items():
        click.echo(f"{files[each]}: {rows:,} {each if rows != 1 or each == 'stock' else each[:-1]}.")


async def _export(url: str, files: dict[str, Path], progress: Progress) -> dict[str, int]:
    db = open_database(url)
    try:
        await check_schema(db)
        return await export_files(db, files, progress)
    finally:
        await db.close()
