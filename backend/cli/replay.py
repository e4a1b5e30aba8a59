"""`mostrador replay`: sell a file of real baskets as many terminals would, and prove that nothing was lost."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Self

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from backend.database.engine import open_database
from backend.demo.source import BASKETS
from backend.embedded.client import join_or_start
from backend.embedded.files import shop_files
from backend.model.errors import InvalidInput
from backend.proof.books import Proof, units_moved_by
from backend.replay.baskets import Basket, read_baskets
from backend.replay.opening import OpeningStock
from backend.replay.patience import until_answered
from backend.replay.run import Plan, Result, Watcher
from backend.replay.run import replay as run_replay
from backend.replay.sender import Credentials

from .options import console, database_options, named_database
from .own_server import server_on
from .verify import proof_of, show_proof


class Outcome(msgspec.Struct, frozen=True):
    """The replay and, if the database could be read, the proof and the units that this replay's sales moved in it."""

    replay: Result
    units_in_movements: int | None
    proof: Proof | None

    @property
    def flawless(self) -> bool:
        """Whether every command was sold or refused for lack of stock, and the database agrees."""
        agrees = self.units_in_movements in (None, self.replay.units_sold)
        return agrees and not self.replay.errors and not (self.proof and self.proof.drifts)


class _Speed(click.ParamType[float | None]):
    name = "speed"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """Returns `max`, or how many times real time."""
        if value == "max":
            return None
        try:
            speed = float(str(value))
        except ValueError:
            speed = 0.0
        if not 0 < speed < 1e9:
            self.fail("it must be 'max' or how many times faster than real time, such as 600", param, ctx)
        return speed


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=BASKETS, metavar="[FILE]")
@click.option(
    "--terminals", type=click.IntRange(1, 256), default=8, show_default=True, help="Terminals that sell at once."
)
@click.option(
    "--speed", type=_Speed(), default="max", metavar="max|N", help="N times real time, or as fast as possible."
)
@click.option(
    "--opening-stock",
    type=click.Choice(["tight", "ample"]),
    default="ample",
    show_default=True,
    help="Receive more than will be asked for, or leave only three fifths of it available.",
)
@click.option("--server", metavar="URL", help="Sell through this server; without it, through a private one.")
@click.option("--user", default="luis", show_default=True, help="Who sells; it must be a supervisor of all the stores.")
@click.option("--pin", default="9876", help="The user's PIN (that of the demo shop's supervisor).")
@click.option("--skip-bad-rows", is_flag=True, help="Sell the rest of a file that has bad rows.")
@database_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def replay(
    file: Path,
    terminals: int,
    speed: float | None,
    opening_stock: OpeningStock,
    server: str | None,
    user: str,
    pin: str,
    skip_bad_rows: bool,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> int:
    """Sell a file of real baskets, as many terminals would.

    FILE is CSV, compressed with gzip or not, with the columns basket_id, store_id, transaction_timestamp, product_id,
    quantity and sales_value; by default the demo chain's own baskets. Each basket is held and then sold; of a line that
    is short, what is available is sold, at the prices that were paid, which takes a supervisor. It ends with the proof
    that `mostrador verify` gives of the same database; with --server it is the server's only if you name it. The exit
    code is 1 when anything but stock was lacking.

    \b
    Examples:
      mostrador replay
      mostrador replay baskets.csv.gz --terminals 16 --opening-stock tight
      mostrador replay --database-url postgresql://mostrador@db/mostrador
      mostrador replay --server http://shop:8000 --database-url postgresql://mostrador@db/mostrador
    """
    baskets = _read(file, skip_bad_rows, as_json)
    plan = Plan(baskets, opening_stock, terminals, speed)
    credentials = Credentials(user, pin, baskets[0].store_id)
    named = named_database(database_url, data)
    with _Progress() as progress:
        if server is not None:
            outcome = asyncio.run(_run(plan, server, credentials, progress.show, named))
        elif named is not None:
            outcome = asyncio.run(_run_on(named, plan, credentials, progress.show))
        else:
            with join_or_start(shop_files(data), progress.show) as lease:
                url = shop_files(data).database_url
                outcome = asyncio.run(_run(plan, lease.server_url, credentials, progress.show, url))
    if as_json:
        click.echo(msgspec.json.encode(outcome))
    else:
        _show(outcome)
    return 0 if outcome.flawless else 1


def _read(file: Path, skip_bad_rows: bool, as_json: bool) -> Sequence[Basket]:
    found = read_baskets(file)
    if found.bad_rows and not as_json:
        for bad in found.bad_rows:
            click.echo(f"{file} row {bad.row}: {bad.problem}", err=True)
    if found.bad_rows and not skip_bad_rows:
        sentence = (
            f"{file} has {len(found.bad_rows)} bad rows and nothing was sold; correct them or add --skip-bad-rows."
        )
        raise InvalidInput("file", sentence, rows=[{"row": bad.row, "problem": bad.problem} for bad in found.bad_rows])
    if not found.baskets:
        raise InvalidInput("file", f"{file} has no good row; there is nothing to sell.")
    return found.baskets


async def _run_on(database_url: str, plan: Plan, who: Credentials, watch: Watcher) -> Outcome:
    async with server_on(database_url) as server:
        return await _run(plan, server, who, watch, database_url)


async def _run(plan: Plan, server: str, who: Credentials, watch: Watcher, database_url: str | None) -> Outcome:
    result = await run_replay(plan, server, who, watch)
    if database_url is None:
        return Outcome(result, None, None)
    return await proven(result, database_url, watch)


async def proven(result: Result, database_url: str, watch: Watcher) -> Outcome:
    """Proves the database after a replay. It waits for one that is just coming back, as the sales did."""
    watch("Proving", 0, 1)
    moved = await until_answered(partial(_units_moved, database_url, result.run))
    proof = await until_answered(partial(proof_of, database_url))
    watch("Proving", 1, 1)
    return Outcome(result, moved, proof)


async def _units_moved(database_url: str, run: str) -> int:
    db = open_database(database_url)
    try:
        return await units_moved_by(db, run)
    finally:
        await db.close()


class _Progress:
    """One bar for each step, on standard error, so that standard output is only the result."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show(self, step: str, done: int, total: int) -> None:
        """Move the bar of `step`. A step that begins has ended the one before it."""
        if step not in self._tasks:
            for task in self._bars.tasks:
                self._bars.update(task.id, completed=task.total)
            self._tasks[step] = self._bars.add_task(step)
        self._bars.update(self._tasks[step], completed=done, total=total)


def _show(outcome: Outcome) -> None:
    result = outcome.replay
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in (
        ("baskets", f"{result.baskets_sold:,} of {result.baskets:,}"),
        ("lines sold", f"{result.lines_sold:,}"),
        ("units sold", f"{result.units_sold:,}"),
        ("units refused for lack of stock", f"{result.units_refused:,}"),
        ("retries", f"{result.retries:,}"),
        ("commands", f"{result.commands:,} in {result.seconds:,.1f} s"),
        ("commands/s", f"{result.commands_per_second:,.0f}"),
        ("latency p50", f"{result.p50_ms:,.1f} ms"),
        ("latency p99", f"{result.p99_ms:,.1f} ms"),
        ("other errors", f"{len(result.errors):,}"),
    ):
        table.add_row(name, value)
    console().print(table)
    for error in result.errors:
        click.echo(error, err=True)
    if outcome.proof is None:
        click.echo("The proof was not run; run it where the database is: mostrador verify --database-url URL")
        return
    click.echo(f"\nThe movements of these sales ({result.run}) add up to {outcome.units_in_movements:,} units.")
    show_proof(outcome.proof)
