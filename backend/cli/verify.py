"""`mostrador verify`: prove that every stock number is the sum of its movements."""

import asyncio
from pathlib import Path

import click
import msgspec
from msgspec import structs
from rich.table import Table

from backend.archive.proof import prove_archives
from backend.database.engine import check_schema, open_database
from backend.proof.books import Drift, Proof, prove

from .options import console, database_options, database_url_of


@click.command()
@database_options
@click.option(
    "--archives",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Prove the opening balances too, from the files that `mostrador archive` wrote to DIR.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def verify(database_url: str | None, data: Path | None, archives: Path | None, as_json: bool) -> int:
    """Prove that every stock number is the sum of its movements.

    Counts all movements, holds, sales and commands in one snapshot, also while servers write. Changes nothing.
    The exit code is 1 when any number has drifted, and each of them is named.

    \b
    Examples:
      mostrador verify
      mostrador verify --archives /backup/movements
      mostrador verify --database-url postgresql://mostrador@localhost/mostrador --json
    """
    url = database_url_of(database_url, data)
    proof = asyncio.run(proof_of(url))
    if archives is not None:
        proof = structs.replace(proof, drifts=proof.drifts + asyncio.run(_archives_of(url, archives)))
    if as_json:
        click.echo(msgspec.json.encode(proof))
    else:
        show_proof(proof)
    return 1 if proof.drifts else 0


async def proof_of(url: str) -> Proof:
    """Open the database, check that it is ours, and count. Raises what `check_schema` and `prove` raise."""
    db = open_database(url)
    try:
        await check_schema(db)
        return await prove(db)
    finally:
        await db.close()


async def _archives_of(url: str, directory: Path) -> tuple[Drift, ...]:
    db = open_database(url)
    try:
        return await prove_archives(db, directory)
    finally:
        await db.close()


def show_proof(proof: Proof) -> None:
    """Print what was counted, and every drift."""
    for drift in proof.drifts:
        place = f"store {drift.store_id}" + (f", product {drift.product_id}" if drift.product_id else "")
        click.echo(f"{place}: {drift.what}: expected {drift.expected}, found {drift.found}")
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in msgspec.structs.asdict(proof).items():
        table.add_row(name.replace("_", " "), f"{len(proof.drifts) if name == 'drifts' else value:,}")
    console().print(table)
    if proof.drifts:
        click.echo("The stock has drifted: keep a copy of the database, and restore it or correct the rows above.")
    else:
        click.echo("Proved: every stock number is the sum of its movements, its holds and its sales.")
