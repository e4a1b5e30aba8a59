"""`mostrador alerts`: what somebody should look at in the stores, once or as it comes and goes."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import click
import msgspec

from backend.alerts.findings import OpenAlert, thresholds_of
from backend.alerts.marks import marked
from backend.alerts.service import Alerts
from backend.database.engine import Database, check_schema, open_database
from backend.database.reads import reading
from backend.settings import RuleSettings
from backend.stores.queries import all_stores

from .options import console, database_options, database_url_of
from .transfer_parts import table_of

Key = tuple[str, str, str, str, str]


class Change(msgspec.Struct, frozen=True):
    """An alert that was opened or is over, as `--watch --json` prints it: one object a line."""

    change: str
    alert: OpenAlert


@click.command()
@click.option("--store", "store_id", metavar="ID", help="Only this store; by default all of them.")
@click.option("--watch", is_flag=True, help="Go on, and tell what is new and what is over, until Ctrl-C.")
@click.option("--every", type=click.FloatRange(min=1), default=10, show_default=True, help="Seconds between two looks.")
@database_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON; with --watch one object a line.")
def alerts(
    store_id: str | None, watch: bool, every: float, database_url: str | None, data: Path | None, as_json: bool
) -> None:
    """Say what somebody should look at: stuck transfers, silent terminals, numbers that do not add up, attempts beyond
    the stock, odd sales, hoarded holds, other prices.

    \b
    Examples:
      mostrador alerts --store 292
      mostrador alerts --watch --json
    """
    url = database_url_of(database_url, data)
    if watch:
        with suppress(KeyboardInterrupt):
            asyncio.run(_watch(url, store_id, every, lambda change: click.echo(_line(change, as_json))))
        return
    found = asyncio.run(_once(url, store_id))
    if as_json:
        click.echo(msgspec.json.encode(found))
    elif found:
        table = table_of("store", "rule", "since", "what", "mark")
        for one in found:
            mark = f"{one.mark.status} by {one.mark.by}" if one.mark else ""
            table.add_row(one.store_id, one.rule, f"{one.since.astimezone():%Y-%m-%d %H:%M}", one.sentence, mark)
        console().print(table)
    else:
        click.echo("Nothing is open.")


def changes(before: dict[Key, OpenAlert], after: dict[Key, OpenAlert]) -> Iterator[Change]:
    """Yields what was opened and what is over between two looks; an alert whose numbers moved is still the same."""
    for key, alert in after.items():
        if key not in before:
            yield Change("opened", alert)
    for key, alert in before.items():
        if key not in after:
            yield Change("over", alert)


def by_key(found: list[OpenAlert]) -> dict[Key, OpenAlert]:
    """Returns alerts by what they are about."""
    return {(one.store_id, one.rule, one.subject, one.actor, one.terminal_id): one for one in found}


async def _once(url: str, store_id: str | None) -> list[OpenAlert]:
    db = open_database(url)
    try:
        await check_schema(db)
        return await _open(db, store_id)
    finally:
        await db.close()


async def _watch(url: str, store_id: str | None, every: float, tell: Callable[[Change], None]) -> None:
    db = open_database(url)
    try:
        await check_schema(db)
        known: dict[Key, OpenAlert] = {}
        while True:
            found = by_key(await _open(db, store_id))
            for change in changes(known, found):
                tell(change)
            known = found
            await asyncio.sleep(every)
    finally:
        await db.close()


async def _open(db: Database, store_id: str | None) -> list[OpenAlert]:
    look = Alerts(db, thresholds_of(RuleSettings.load()))
    if store_id is not None:
        stores = [store_id]
    else:
        async with reading(db) as connection:
            stores = [id_ for id_, _ in await all_stores(connection)]
    found: list[OpenAlert] = []
    for one in stores:
        alerts_of_it = (await look.open_in(one)).alerts
        async with reading(db) as connection:
            found += await marked(connection, one, alerts_of_it)
    return found


def _line(change: Change, as_json: bool) -> str | bytes:
    if as_json:
        return msgspec.json.encode(change)
    return f"{change.change:<6} {change.alert.store_id} {change.alert.rule}: {change.alert.sentence}"
