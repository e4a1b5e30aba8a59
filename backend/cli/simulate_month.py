"""`mostrador simulate-month`: live through a month of the demo chain, and prove that every unit is accounted for."""

import asyncio
import secrets
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec
from rich.table import Table

from backend.simulation.plan import DAYS
from backend.simulation.run import STEPS, Month
from backend.simulation.run import simulate as run_simulation

from .bars import progress_bars
from .options import console, named_database
from .verify import show_proof

STORES = 24


@click.command("simulate-month")
@click.option("--days", type=click.IntRange(1, DAYS), default=DAYS, show_default=True, help="Days of the month.")
@click.option("--stores", type=click.IntRange(1, STORES), default=STORES, show_default=True, help="Stores that work.")
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), help="Gives the same month again; without it, another one each time."
)
@click.option(
    "--database-url",
    metavar="URL",
    help="An empty database, which keeps the month (DATABASE_URL); default: a file that is removed at the end.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def simulate_month(days: int, stores: int, seed: int | None, database_url: str | None, as_json: bool) -> int:
    """Live through a month of the demo chain, and prove that every unit is accounted for.

    The stores sell the demo's real baskets while goods are delivered, moved, ordered, returned, spoiled and counted.
    Beside the ledger a plain model keeps what really lies on the shelves: now and then units disappear from it, or
    come, and the ledger is not told. At the end the proof of `mostrador verify` must hold, every shelf must have what
    the ledger says, and the counts must have found exactly the units that it was not told of. Else the exit code is 1.

    \b
    Examples:
      mostrador simulate-month
      mostrador simulate-month --days 7 --stores 4 --seed 1
      mostrador simulate-month --database-url postgresql://mostrador@localhost/trial --json
    """
    seed = secrets.randbelow(2**32) if seed is None else seed
    click.echo(f"seed {seed}", err=True)
    with progress_bars(STEPS, quiet=as_json) as watch, TemporaryDirectory(prefix="mostrador-") as directory:
        url = named_database(database_url, None) or f"sqlite:///{Path(directory) / 'month.db'}"
        month = asyncio.run(run_simulation(url, days, stores, seed, watch))
    if as_json:
        click.echo(msgspec.json.encode(month))
    else:
        _show(month)
    return 0 if month.flawless else 1


def _show(month: Month) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    done = msgspec.structs.asdict(month.done)
    for name, value in (
        ("seed", f"{month.seed}"),
        ("days", f"{month.days}"),
        ("stores", f"{month.stores}"),
        ("products in stores", f"{month.products:,}"),
        *((name.replace("_", " "), f"{value:,}") for name, value in done.items()),
        ("units vanished, and found missing", f"{month.units_vanished:,} / {month.units_found_missing:,}"),
        ("units appeared, and found", f"{month.units_appeared:,} / {month.units_found_surplus:,}"),
        ("seconds", f"{month.seconds:,.1f}"),
        ("commands/s", f"{month.commands_per_second:,.0f}"),
    ):
        table.add_row(name, value)
    console().print(table)
    for one in month.unlike:
        place = f"store {one.store_id}, product {one.product_id}"
        click.echo(f"{place}: {one.what}: expected {one.expected}, found {one.found}")
    click.echo()
    show_proof(month.proof)
