"""`mostrador orders`: list, hand over and cancel orders."""

import asyncio
from pathlib import Path
from uuid import UUID

import click
import msgspec

from backend.database.engine import Database
from backend.database.reads import reading
from backend.documents.queries import documents_of
from backend.ids import new_id
from backend.model.orders import KIND, LIVE, STATUSES
from backend.model.verbs.order_cancel import OrderCancel
from backend.model.verbs.order_fulfil import OrderFulfil
from backend.model.verbs.order_open import OrderOpen
from backend.orders.schemas import OrderShape
from backend.orders.service import order_of
from backend.stores.queries import require_store

from .commanding import as_option, claims_of, lines_of, on_database, send, sent
from .options import database_options, database_url_of

_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group()
def orders() -> None:
    """List, open, hand over and cancel orders.

    \b
    Examples:
      mostrador orders list 292
      mostrador orders fulfil 019a9f3e-0000-7000-8000-000000000001 --as ana
    """


@orders.command("list")
@click.argument("store")
@click.option("--status", type=click.Choice(STATUSES), help="Default: those that are not done.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many.")
@database_options
@_json
def list_(
    store: str, status: str | None, limit: int, database_url: str | None, data: Path | None, as_json: bool
) -> None:
    """Show the orders of STORE, latest change first.

    \b
    Example:
      mostrador orders list 292 --status fulfilled --json
    """

    async def work(db: Database) -> list[OrderShape]:
        async with reading(db) as connection:
            await require_store(connection, store)
            found = await documents_of(connection, KIND, store, [status] if status else LIVE, limit=limit)
        return [OrderShape.of(document) for document in found]

    _show(asyncio.run(on_database(database_url_of(database_url, data), work)), as_json)


@orders.command("open")
@click.argument("store")
@click.argument("line", nargs=-1, required=True)
@click.option("--customer", default="", help="Whose it is.")
@click.option("--reference", default="", help="What people call it.")
@click.option("--backorder", is_flag=True, help="What is not available waits for goods.")
@as_option
@database_options
@_json
def open_(
    store: str,
    line: tuple[str, ...],
    customer: str,
    reference: str,
    backorder: bool,
    person: str,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Allocate units to a customer: each LINE is PRODUCT=UNITS, all of them or none.

    \b
    Example:
      mostrador orders open 292 818981=2 --customer C7 --as ana
    """
    command = OrderOpen(
        id=new_id(),
        store_id=store,
        lines=lines_of(line),
        customer_id=customer,
        reference=reference,
        backorder=backorder,
    )
    answer = asyncio.run(sent(database_url_of(database_url, data), person, command))
    _show([OrderShape.of(answer.documents[-1])], as_json)


@orders.command()
@click.argument("order", type=click.UUID)
@click.argument("line", nargs=-1)
@as_option
@database_options
@_json
def fulfil(
    order: UUID, line: tuple[str, ...], person: str, database_url: str | None, data: Path | None, as_json: bool
) -> None:
    """Hand over what is left of ORDER, or only the LINEs, each PRODUCT=UNITS.

    \b
    Example:
      mostrador orders fulfil 019a9f3e-0000-7000-8000-000000000001 818981=1 --as ana
    """

    async def work(db: Database) -> list[OrderShape]:
        claims = await claims_of(db, person)
        document = await order_of(db, claims, order)
        lines = lines_of(line) if line else None
        command = OrderFulfil(id=new_id(), store_id=document.store_id, order_id=document.id, lines=lines)
        return [OrderShape.of((await send(db, claims, command)).documents[-1])]

    _show(asyncio.run(on_database(database_url_of(database_url, data), work)), as_json)


@orders.command()
@click.argument("order", type=click.UUID)
@click.option("--reason", default="", help="Why.")
@as_option
@database_options
@_json
def cancel(order: UUID, reason: str, person: str, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """End ORDER; what is allocated to it is available again.

    \b
    Example:
      mostrador orders cancel 019a9f3e-0000-7000-8000-000000000001 --as ana
    """

    async def work(db: Database) -> list[OrderShape]:
        claims = await claims_of(db, person)
        document = await order_of(db, claims, order)
        command = OrderCancel(id=new_id(), store_id=document.store_id, order_id=document.id, reason=reason)
        return [OrderShape.of((await send(db, claims, command)).documents[-1])]

    _show(asyncio.run(on_database(database_url_of(database_url, data), work)), as_json)


def _show(found: list[OrderShape], as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for one in found:
        lines = ", ".join(f"{x.product_id} {x.fulfilled}/{x.quantity}" for x in one.lines)
        told = " ".join(filter(None, (one.reference, one.customer_id)))
        click.echo(f"{one.id} {one.status} {told}: {lines}")
    if not found:
        click.echo("There are none.")
