"""`mostrador replenish --store ID`: what a store should order and from where, and ordering it in one act."""

import asyncio
from pathlib import Path

import click
import msgspec

from backend.database.engine import check_schema, open_database
from backend.database.reads import reading
from backend.ids import new_id
from backend.ledger.lanes import open_ledger
from backend.model.replenishment import Suggestion
from backend.model.stock import Who
from backend.replenishment.schemas import OpenedShape, opened_shape
from backend.replenishment.service import Chosen, Replenishment, policy_of
from backend.settings import RuleSettings
from backend.stores.queries import require_store

from .options import console, database_options, database_url_of
from .transfer_parts import table_of

OPERATOR = Who("system:cli")


class Said(msgspec.Struct, frozen=True):
    """What the command prints as JSON."""

    store_id: str
    suggestions: list[Suggestion]
    documents: list[OpenedShape]


@click.command()
@click.option("--store", "store_id", metavar="ID", required=True, help="The store that is to be replenished.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="About how many suggestions.")
@click.option("--after", metavar="PRODUCT", default="", help="Only products behind this id, as the last line says.")
@click.option("--accept", is_flag=True, help="Open the transfers and proposals of all that is shown.")
@database_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def replenish(
    store_id: str,
    limit: int,
    after: str,
    accept: bool,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Say what a store should order, and from where: a store with cover to spare, else a purchase.

    \b
    Examples:
      mostrador replenish --store 292
      mostrador replenish --store 292 --limit 20 --accept
    """
    url = database_url_of(database_url, data)
    said, behind = asyncio.run(_run(url, store_id, after, limit, accept=accept))
    if as_json:
        click.echo(msgspec.json.encode(said))
        return
    table = table_of("product", "from", "why", numbers=("units",))
    for one in said.suggestions:
        table.add_row(one.product_id, one.from_store_id or "purchase", one.sentence, str(one.quantity))
    if said.suggestions:
        console().print(table)
    else:
        click.echo(f"Store {store_id} needs nothing.")
    if behind is not None:
        click.echo(f"There may be more: mostrador replenish --store {store_id} --after {behind}")
    for document in said.documents:
        source = f" from {document.from_store_id}" if document.from_store_id else ""
        click.echo(f"Opened {document.kind} {document.id}{source}: {document.status}")


async def _run(url: str, store_id: str, after: str, limit: int, *, accept: bool) -> tuple[Said, str | None]:
    db = open_database(url)
    try:
        await check_schema(db)
        ledger = open_ledger(db, lambda _: None)
        await ledger.start()
        try:
            async with reading(db) as connection:
                await require_store(connection, store_id)
            replenishment = Replenishment(db, ledger, policy_of(RuleSettings.load()))
            found = await replenishment.suggestions(store_id, after, limit)
            opened = []
            if accept and found.suggestions:
                chosen = [
                    Chosen(
                        store_id=one.store_id,
                        product_id=one.product_id,
                        quantity=one.quantity,
                        from_store_id=one.from_store_id,
                    )
                    for one in found.suggestions
                ]
                opened = await replenishment.accept(new_id(), chosen, OPERATOR)
            return Said(store_id, found.suggestions, [opened_shape(one) for one in opened]), found.behind
        finally:
            await ledger.close()
    finally:
        await db.close()
