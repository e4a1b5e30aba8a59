"""`mostrador demo`: build the demo shop."""

import json
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from backend.database.errors import named
from backend.demo.shop import PEOPLE, build_demo

from .options import database_options, database_url_of


@click.command()
@database_options
@click.option("--json", "as_json", is_flag=True, help="Print the progress and the result as JSON lines.")
def demo(database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Build the demo shop: 24 stores with real products, opening stock, a clerk and a supervisor.

    `mostrador` does this by itself on its first start. A shop that is there already keeps all it has; what a broken off
    build left out is added.

    \b
    Examples:
      mostrador demo
      mostrador demo --database-url postgresql://mostrador@localhost/mostrador
    """
    url = database_url_of(database_url, data)
    if as_json:
        build_demo(url, lambda step, done, total: click.echo(json.dumps({"step": step, "done": done, "total": total})))
        click.echo(json.dumps({"built": named(url)}))
        return
    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as bars:
        tasks = {step: bars.add_task(step, total=None) for step in ("catalogue", "stock")}
        build_demo(url, lambda step, done, total: bars.update(tasks[step], completed=done, total=total))
    people = ", ".join(f"{name} ({role}, PIN {pin})" for name, _, role, pin in PEOPLE)
    click.echo(f"{named(url)} has the demo shop. Sign in as {people}.")
