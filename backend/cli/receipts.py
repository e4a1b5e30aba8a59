"""`mostrador receipts`: the receipt numbers of a store, and which of them are missing."""

from datetime import UTC, datetime
from pathlib import Path

import click

from backend.receipts.service import Gap, gaps_of

from .office import in_database, office_options, show, tell


@click.group()
def receipts() -> None:
    """The receipt numbers of the stores.

    \b
    Example:
      mostrador receipts gaps 292
    """


@receipts.command()
@click.argument("store_id")
@click.option("--since", type=click.DateTime(), help="Sales from then on, in UTC; default: the last 31 days.")
@click.option("--until", type=click.DateTime(), help="Sales before then, in UTC; default: now.")
@office_options
def gaps(
    store_id: str,
    since: datetime | None,
    until: datetime | None,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """List the numbers that no sale of a store has, with the reason where one is known.

    \b
    Example:
      mostrador receipts gaps 292 --since 2026-11-01 --json
    """
    bounds = [at and at.replace(tzinfo=UTC) for at in (since, until)]
    report = in_database(database_url, data, lambda db: gaps_of(db, store_id, *bounds))
    if as_json:
        tell(as_json, report, "")
        return
    found: list[Gap] = [gap for series in report.series for gap in series.gaps]
    numbers = sum(series.sales for series in report.series)
    show(False, found, Gap.__struct_fields__, f"No number is missing among the {numbers} of store {store_id}.")
