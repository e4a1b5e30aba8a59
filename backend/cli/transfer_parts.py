"""What the commands of `mostrador transfer` share: their options, the shop they work on, and what they print."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from rich.table import Table

from backend.catalogue.search_queries import product_by_id, product_by_sku
from backend.database.engine import Database, check_schema, open_database
from backend.database.reads import reading
from backend.http.errors import UnknownProduct
from backend.ledger.lanes import open_ledger
from backend.model.commands import MAX_QUANTITY, Line
from backend.model.stock import Who
from backend.transfers.schemas import DiscrepancyShape, WholeTransferShape
from backend.transfers.service import FoundTransfer, Transfers

from .options import console, database_options, database_url_of

OPERATOR = Who("system:cli")
Result = TypeVar("Result")
Act = Callable[[Transfers, Database], Awaitable[Result]]
REASON = click.option("--reason", metavar="TEXT", required=True, help="Why; it is kept with the movements.")


class _Units(click.ParamType[tuple[str, int]]):
    name = "units"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Returns a SKU and a number of its units: `1029743=6`."""
        sku, found, number = str(value).rpartition("=")
        if not found or not sku or not number.isdecimal() or not 1 <= int(number) <= MAX_QUANTITY:
            self.fail(f"it must be SKU=UNITS, such as 1029743=6, with 1 to {MAX_QUANTITY} units", param, ctx)
        return sku, int(number)


UNITS = _Units()
Units = Sequence[tuple[str, int]]


def units_option(name: str, text: str, *, required: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Returns an option that may be given once for each product."""
    return click.option(f"--{name}", type=UNITS, metavar="SKU=UNITS", multiple=True, required=required, help=text)


def database_and_json(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that every one of these commands has."""
    command = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)
    return database_options(command)


def run(database_url: str | None, data: Path | None, act: Act[Result]) -> Result:
    """Returns what `act` does in the shop that is meant. Raises MostradorError when that cannot be opened."""

    async def acted() -> Result:
        async with _opened(database_url_of(database_url, data)) as (transfers, db):
            return await act(transfers, db)

    return asyncio.run(acted())


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[tuple[Transfers, Database]]:
    """Opens the database with a ledger of its own, beside those of running servers, which publish what it changes."""
    db = open_database(url)
    try:
        await check_schema(db)
        ledger = open_ledger(db, lambda _: None)
        await ledger.start()
        try:
            yield Transfers(db, ledger), db
        finally:
            await ledger.close()
    finally:
        await db.close()


async def products(db: Database, units: Units) -> tuple[Line, ...]:
    """Returns the lines with the ids of their products. Raises UnknownProduct."""
    lines = []
    async with reading(db) as connection:
        for sku, number in units:
            found = await product_by_sku(connection, sku) or await product_by_id(connection, sku)
            if found is None:
                raise UnknownProduct(sku)
            lines.append(Line(found.id, number))
    return tuple(lines)


def show_transfer(found: FoundTransfer, as_json: bool) -> None:
    """Prints a transfer, its history and its cases."""
    shape = WholeTransferShape.whole(found)
    if as_json:
        click.echo(msgspec.json.encode(shape))
        return
    reference = f", reference {shape.reference}" if shape.reference else ""
    click.echo(f"Transfer {shape.id} from {shape.from_store_id} to {shape.to_store_id}: {shape.status}{reference}")
    numbers = ("asked", "packed", "sent", "received", "damaged", "missing", "returned", "lost", "in transit")
    table = table_of("product", numbers=numbers)
    for line in shape.lines:
        table.add_row(line.product_id, *[str(n) for n in msgspec.structs.astuple(line)[1:]])
    console().print(table)
    table = table_of("time", "step", "person", "reason")
    for step in shape.steps:
        table.add_row(f"{step.at.astimezone():%Y-%m-%d %H:%M}", step.what, step.actor, step.reason)
    console().print(table)
    if shape.discrepancies:
        show_cases(shape.discrepancies, as_json)


def show_cases(shapes: Sequence[DiscrepancyShape], as_json: bool) -> None:
    """Prints cases, a row for each of their products."""
    if as_json:
        click.echo(msgspec.json.encode(shapes))
        return
    table = table_of("case", "from", "to", "status", "owner", "product", numbers=("age in h", "missing", "open"))
    for shape in shapes:
        head = (str(shape.id), shape.from_store_id, shape.to_store_id, shape.status, shape.owner)
        for line in shape.lines:
            numbers = (f"{shape.age_seconds / 3600:.1f}", str(line.missing), str(line.open))
            table.add_row(*head, line.product_id, *numbers)
    console().print(table)


def table_of(*names: str, numbers: Sequence[str] = ()) -> Table:
    """Returns a table without lines; its columns of numbers come last."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right")
    return table
