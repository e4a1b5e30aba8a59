"""`mostrador explain STORE SKU`: tell the story of one stock number."""

import asyncio
from pathlib import Path

import click
import msgspec
from rich.table import Table

from backend.database.engine import check_schema, open_database
from backend.stock.history_queries import History, history_of

from .options import console, database_options, database_url_of


@click.command()
@click.argument("store")
@click.argument("sku")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many movements.")
@database_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def explain(store: str, sku: str, limit: int, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Tell the story of one stock number: what changed it, who, where and why.

    \b
    Example:
      mostrador explain 292 1029743 --limit 20
    """
    history = asyncio.run(_read(database_url_of(database_url, data), store, sku, limit))
    if as_json:
        click.echo(msgspec.json.encode(history))
    else:
        _show(history)


async def _read(url: str, store: str, sku: str, limit: int) -> History:
    db = open_database(url)
    try:
        await check_schema(db)
        return await history_of(db, store, sku, limit)
    finally:
        await db.close()


def _show(history: History) -> None:
    click.echo(f"{history.product_name} ({history.sku}) in {history.store_name} (store {history.store_id})")
    if history.archived:
        click.echo(f"{history.archived} older movements are in the files that mostrador archive wrote.")
    elif not history.steps:
        click.echo("It never moved here: nothing is on hand, nothing is reserved.")
    if not history.steps:
        return
    for kept in history.allotments:
        late = ", overdue" if kept.overdue else ""
        until = f"until {kept.due_at.astimezone():%Y-%m-%d %H:%M}{late}"
        click.echo(f"Terminal {kept.terminal_id} keeps {kept.quantity} units for outages, {until}.")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("time", "kind"):
        table.add_column(name, no_wrap=True)
    for name in ("on hand ±", "reserved ±", "on hand", "reserved", "available"):
        table.add_column(name, justify="right")
    for name in ("person", "terminal", "document", "reason"):
        table.add_column(name, overflow="fold")
    for step in history.steps:
        table.add_row(
            f"{step.at.astimezone():%Y-%m-%d %H:%M:%S}",
            step.kind,
            _signed(step.on_hand_change),
            _signed(step.reserved_change),
            str(step.on_hand),
            str(step.reserved),
            str(step.available),
            step.person,
            step.terminal_id,
            step.document_id,
            step.reason,
        )
    console().print(table)
    earlier = history.movements - len(history.steps)
    if earlier:
        click.echo(f"{earlier} earlier movements are not shown; see them with --limit {history.movements}.")


def _signed(change: int) -> str:
    return f"{change:+d}" if change else ""
