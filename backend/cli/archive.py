"""`mostrador archive DIR`: move old movements out of the database into files, month by month."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from backend.archive.months import Archived, archive_month, months_to_archive
from backend.database.engine import check_schema, open_database
from backend.database.partitions import months_after

from .options import database_options, database_url_of


@click.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path))
@click.option(
    "--keep-months",
    type=click.IntRange(1, 1200),
    default=24,
    show_default=True,
    help="Whole months to keep in the database, besides the current one.",
)
@click.option("--dry-run", is_flag=True, help="Only say which months would go.")
@database_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def archive(
    directory: Path, keep_months: int, dry_run: bool, database_url: str | None, data: Path | None, as_json: bool
) -> None:
    """Move old movements into files in DIRECTORY, month by month.

    Each file holds one movement a line, as JSON, packed with gzip. The balances that the movements add up to stay in
    the database, so `mostrador verify` proves every number as before, and `mostrador verify --archives DIRECTORY` also
    that the files add up to these balances. Safe while servers run, and to run again after it was interrupted.

    \b
    Examples:
      mostrador archive /backup/movements --keep-months 13
      mostrador archive /backup/movements --dry-run --json
    """
    before = months_after(datetime.now(UTC), -keep_months)
    url = database_url_of(database_url, data)
    done = asyncio.run(_archive(url, before, directory, dry_run))
    if as_json:
        click.echo(msgspec.json.encode({"dry_run": dry_run, "archived": done}))
    elif not done:
        click.echo(f"Nothing is older than {before:%Y-%m-%d}.")
    elif dry_run:
        click.echo("\n".join(f"Would archive the movements before {month.until:%Y-%m-%d}." for month in done))


async def _archive(url: str, before: datetime, directory: Path, dry_run: bool) -> list[Archived]:
    db = open_database(url)
    try:
        await check_schema(db)
        done = []
        for until in await months_to_archive(db, before):
            if dry_run:
                done.append(Archived(until, "", "", 0))
                continue
            month = await archive_month(db, until, directory, datetime.now(UTC))
            click.echo(f"{month.file_name}: {month.movements:,} movements", err=True)
            done.append(month)
        return done
    finally:
        await db.close()
