"""`mostrador verify`: prove that every stock number is the sum of its movements."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import structs
from rich.table import Table

from backend.archive.proof import prove_archives
from backend.database.engine import Database, check_schema, open_database
from backend.model.answers import Answer
from backend.proof.books import Proof, prove
from backend.proof.drifts import Drift
from backend.proof.repairing import post_repairs, require_admin
from backend.proof.repairs import Repairs, proposed
from backend.seals.service import Chain, check_chain

from .commanding import on_database
from .options import console, database_options, database_url_of
from .repairs import show_repairs
from .signing import signing_keys


@click.command()
@database_options
@click.option(
    "--archives",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Prove the opening balances too, from the files that `mostrador archive` wrote to DIR.",
)
@click.option("--repair", is_flag=True, help="Show the movements that would correct what has drifted.")
@click.option("--yes", is_flag=True, help="With --repair: post these movements.")
@click.option("--as", "admin", metavar="ADMIN", default="", help="The admin in whose name they are posted.")
@click.option("--chain", is_flag=True, help="Prove the sealed history instead: see mostrador seal.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def verify(
    database_url: str | None,
    data: Path | None,
    archives: Path | None,
    repair: bool,
    yes: bool,
    admin: str,
    chain: bool,
    as_json: bool,
) -> int:
    """Prove that every stock number is the sum of its movements.

    Counts all movements, holds, sales and commands in one snapshot, also while servers write. Changes nothing unless
    you say --repair --yes. The exit code is 1 when any number has drifted, and each of them is named.

    With --repair it shows, for every stock row whose history is whole, the movements that would correct it, and posts
    them with --yes in the name of an admin. A number is never edited: what had changed without a movement gets one of
    kind drift, and one of kind repair takes the counter to what the movements, the holds and the documents add up to.

    \b
    Examples:
      mostrador verify
      mostrador verify --archives /backup/movements
      mostrador verify --chain
      mostrador verify --repair
      mostrador verify --repair --yes --as root
      mostrador verify --database-url postgresql://mostrador@localhost/mostrador --json
    """
    url = database_url_of(database_url, data)
    if yes and not (repair and admin):
        raise click.UsageError("--yes posts repairs in an admin's name: mostrador verify --repair --yes --as ADMIN")
    if chain:
        return chained(url, signing_keys(database_url, data)[1], as_json)
    if repair:
        return repaired(url, admin if yes else "", as_json)
    proof = asyncio.run(proof_of(url))
    if archives is not None:
        proof = structs.replace(proof, drifts=proof.drifts + asyncio.run(_archives_of(url, archives)))
    if as_json:
        click.echo(msgspec.json.encode(proof))
    else:
        show_proof(proof)
    return 1 if proof.drifts else 0


def chained(url: str, keys: Sequence[Ed25519PublicKey], as_json: bool) -> int:
    """Show whether the history is the one that was sealed. Returns the exit code."""

    async def work(db: Database) -> Chain:
        return await check_chain(db, keys)

    found = asyncio.run(on_database(url, work))
    if as_json:
        click.echo(msgspec.json.encode(found))
        return 1 if found.breaks else 0
    for one in found.breaks:
        movement = f", product {one.product_id}, movement {one.version}" if one.product_id else ""
        click.echo(f"store {one.store_id}, {one.day}{movement}: {one.what}")
    if found.breaks:
        click.echo("The history is not the sealed one: keep a copy of the database and compare it with a backup.")
    elif not found.seals:
        click.echo("Nothing is sealed yet: mostrador seal")
    else:
        click.echo(
            f"Proved: {found.seals:,} seals over {found.movements:,} movements hold, up to {found.sealed_until}."
        )
    if found.archived_days:
        click.echo(
            f"{found.archived_days:,} sealed days are archived: mostrador verify --archives DIR proves their files."
        )
    return 1 if found.breaks else 0


def repaired(url: str, admin: str, as_json: bool) -> int:
    """Show what would correct the drifts, and correct them if an `admin` says so. Returns the exit code."""
    proof, repairs, posted = asyncio.run(_repair(url, admin))
    if as_json:
        told = {"proof": proof, "proposals": repairs.proposals, "beyond": repairs.beyond, "posted": posted}
        click.echo(msgspec.json.encode(told))
    else:
        show_repairs(repairs, posted)
        show_proof(proof)
    return 1 if proof.drifts else 0


async def _repair(url: str, admin: str) -> tuple[Proof, Repairs, list[Answer]]:
    """Returns the proof, at the end if anything was posted, what was proposed, and the answers to what was posted."""
    db = open_database(url)
    try:
        await check_schema(db)
        proof = await prove(db)
        repairs = proposed(proof.drifts)
        if not admin:
            return proof, repairs, []
        posted = await post_repairs(db, repairs.proposals, await require_admin(db, admin))
        return await prove(db), repairs, posted
    finally:
        await db.close()


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
