"""`mostrador shrinkage`: what went missing and what turned up."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from backend.counts.shrinkage import GroupBy, Shrinkage
from backend.counts.shrinkage import shrinkage as read_shrinkage
from backend.database.engine import check_schema, open_database
from backend.database.reads import reading
from backend.http.moments import NEWEST, OLDEST
from backend.stores.queries import require_store

from .opened import shop_and_json
from .options import console, database_url_of
from .transfer_parts import table_of

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option(
    "--by",
    type=click.Choice([x.value for x in GroupBy]),
    default="product",
    show_default=True,
    help="What a row is about.",
)
@click.option("--store", "stores", metavar="ID", multiple=True, help="Only this store; once for each of several.")
@click.option("--since", type=_DAY, help="From this day on (UTC).")
@click.option("--until", type=_DAY, help="Before this day (UTC).")
@shop_and_json
def shrinkage(
    by: str,
    stores: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Tell what counts and corrections have found missing or too much, the largest loss first.

    \b
    Examples:
      mostrador shrinkage --by category --since 2026-11-01
      mostrador shrinkage --by reason --store 292 --json
    """
    first = OLDEST if since is None else since.replace(tzinfo=UTC)
    last = NEWEST if until is None else until.replace(tzinfo=UTC)

    async def report() -> list[Shrinkage]:
        db = open_database(database_url_of(database_url, data))
        try:
            await check_schema(db)
            async with reading(db, at_leisure=True) as connection:
                for store_id in stores:
                    await require_store(connection, store_id)
                return await read_shrinkage(connection, stores or None, GroupBy(by), first, last)
        finally:
            await db.close()

    rows = asyncio.run(report())
    if as_json:
        click.echo(msgspec.json.encode(rows))
        return
    table = table_of(by, numbers=("missing", "found", "net", "net value"))
    for row in rows:
        table.add_row(row.group, str(row.missing), str(row.found), str(row.net), f"{row.net_cents / 100:.2f}")
    console().print(table)
