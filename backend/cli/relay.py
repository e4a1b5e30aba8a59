"""`mostrador relay republish`: refill a stream that NATS has lost."""

import asyncio
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec
import nats
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from backend.database.engine import check_schema, open_database
from backend.events.connection import NatsAway, connect_options, connected
from backend.events.republish import Extent, Told
from backend.events.republish import republish as run_republish
from backend.events.streams import declare_streams
from backend.model.errors import InvalidInput
from backend.settings import NatsSettings

from .options import database_options, database_url_of

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class _Moment(click.ParamType[datetime]):
    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Returns an ISO 8601 moment (UTC unless it says otherwise), or how long ago: `90m`, `12h`, `3d`."""
        text = str(value)
        if ago := re.fullmatch(r"(\d{1,5})([mhd])", text):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail("it must be a time such as 2026-03-01T08:00Z, or how long ago: 90m, 12h, 3d", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.group()
def relay() -> None:
    """What brings committed changes to NATS.

    \b
    Example:
      mostrador relay republish --all
    """


@relay.command()
@click.option("--since", type=_Moment(), metavar="TIME", help="What changed since: 2026-03-01T08:00Z, 90m, 12h, 3d.")
@click.option("--all", "everything", is_flag=True, help="Every row of stock and every pending hold.")
@click.option("--store", "store_id", metavar="ID", help="Only this store.")
@click.option("--rate", type=click.IntRange(1), default=2000, show_default=True, help="Messages a second at most.")
@database_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def republish(
    since: datetime | None,
    everything: bool,
    store_id: str | None,
    rate: int,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Tell NATS again what the database knows, after NATS has lost its streams.

    Publishes states as they are now, with their versions: listeners that know them already notice nothing. Servers may
    go on working. NATS is reached with NATS_URL, NATS_USER and NATS_PASSWORD, as by a server.

    \b
    Examples:
      mostrador relay republish --all
      mostrador relay republish --since 6h --store 292 --json
    """
    if (since is None) != everything:
        raise click.UsageError("Name either --since TIME or --all.")
    url = database_url_of(database_url, data)
    settings = NatsSettings.load()
    if not settings.nats_servers:
        raise InvalidInput("NATS_URL", "NATS_URL is not set; put it in the environment or in the file .env.")
    told = asyncio.run(_republish(url, settings, Extent(since, store_id), rate, quiet=as_json))
    if as_json:
        click.echo(msgspec.json.encode(told))
    else:
        click.echo(f"Told again: {told.stock:,} rows of stock, {told.reservations:,} holds, {told.sales:,} sales.")


async def _republish(url: str, settings: NatsSettings, extent: Extent, rate: int, *, quiet: bool) -> Told:
    database = open_database(url)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(file=sys.stderr), disable=quiet,
    )  # fmt: skip
    try:
        await check_schema(database)
        async with connected(connect_options(settings)) as client:
            await declare_streams(
                client.jetstream(), replicas=settings.nats_replicas, max_bytes=settings.nats_stream_bytes
            )
            with bar:
                task = bar.add_task("Telling NATS", total=None)
                return await run_republish(
                    database,
                    client,
                    extent,
                    rate=rate,
                    progress=lambda x: bar.update(task, total=x.rows, completed=x.stock + x.reservations + x.sales),
                )
    except (nats.errors.Error, TimeoutError) as error:
        raise NatsAway(f"NATS did not take it all: {error}; start again when it is there.") from error
    finally:
        await database.close()
