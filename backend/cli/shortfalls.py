"""`mostrador shortfalls`: what was sold without a server and was not there, and what becomes of it."""

import asyncio
from pathlib import Path
from uuid import UUID

import click
import msgspec

from backend.database.engine import Database
from backend.database.reads import reading
from backend.ids import new_id
from backend.ledger.lanes import open_ledger
from backend.model.errors import InvalidInput
from backend.model.scopes import Scope
from backend.model.shortfalls import LIVE, ShortfallStatus
from backend.model.tenders import TenderKind
from backend.shortfalls.schemas import Choice, ShortfallShape
from backend.shortfalls.service import Resolution, Shortfalls, scope_of
from backend.stores.queries import require_store

from .commanding import as_option, claims_of, lines_of, on_database
from .options import console, database_options, database_url_of
from .transfer_parts import table_of

_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group()
def shortfalls() -> None:
    """List units that were sold without a server and were not there, and say what becomes of them.

    \b
    Examples:
      mostrador shortfalls list 292
      mostrador shortfalls resolve 019a9f3e-0000-7000-8000-000000000001 adjust --reason "in the yard" --as luis
    """


@shortfalls.command("list")
@click.argument("store")
@click.option(
    "--status", type=click.Choice(list(map(str, ShortfallStatus))), help="Default: those that are not settled."
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many.")
@database_options
@_json
def list_(
    store: str, status: str | None, limit: int, database_url: str | None, data: Path | None, as_json: bool
) -> None:
    """Show the cases of STORE, latest change first.

    \b
    Example:
      mostrador shortfalls list 292 --status settled --json
    """
    wanted = LIVE if status is None else (ShortfallStatus(status),)

    async def work(db: Database) -> list[ShortfallShape]:
        async with reading(db) as connection:
            await require_store(connection, store)
        found = Shortfalls(db, open_ledger(db, lambda _: None))
        return await found.shown(*await found.cases(store, wanted, limit=limit))

    _show(asyncio.run(on_database(database_url_of(database_url, data), work)), as_json)


@shortfalls.command()
@click.argument("case", type=click.UUID)
@click.argument("choice", type=click.Choice(list(map(str, Choice))))
@click.argument("line", nargs=-1)
@click.option("--reason", required=True, help="Why; it is kept with the case and its movements.")
@click.option("--owner", default="", help="Who answers for it while it waits for goods.")
@click.option("--from", "from_store_id", metavar="STORE", help="For transfer_in: the store that is asked.")
@click.option(
    "--refund-by", type=click.Choice(list(map(str, TenderKind))), help="For refund: how the money is given back."
)
@as_option
@database_options
@_json
def resolve(
    case: UUID,
    choice: str,
    line: tuple[str, ...],
    reason: str,
    owner: str,
    from_store_id: str | None,
    refund_by: str | None,
    person: str,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Say what becomes of CASE: of all that is open of it, or only of the LINEs, each PRODUCT=UNITS.

    \b
    Examples:
      mostrador shortfalls resolve 019a9f3e-0000-7000-8000-000000000001 take --reason "delivered" --as luis
      mostrador shortfalls resolve 019a9f3e-0000-7000-8000-000000000001 dismiss milk=1 --reason "typed twice" --as luis
    """
    resolution = Resolution(
        choice=Choice(choice),
        reason=reason,
        lines=lines_of(line) if line else None,
        owner=owner,
        from_store_id=from_store_id,
        refund_by=TenderKind(refund_by) if refund_by else None,
    )

    async def work(db: Database) -> list[ShortfallShape]:
        claims = await claims_of(db, person)
        ledger = open_ledger(db, lambda _: None)
        found = Shortfalls(db, ledger)
        document = await found.case(case)
        claims.require_store(document.store_id)
        for scope in (Scope.SALES_SETTLE, *scope_of(resolution.choice)):
            claims.require_scope(scope)
        await ledger.start()
        try:
            return await found.shown(await found.resolve(document, checked(resolution), new_id(), claims.who))
        finally:
            await ledger.close()

    _show(asyncio.run(on_database(database_url_of(database_url, data), work)), as_json)


def checked(resolution: Resolution) -> Resolution:
    """Returns the resolution. Raises InvalidInput for a field that is beyond its limits."""
    try:
        return msgspec.convert(msgspec.to_builtins(resolution), Resolution)
    except msgspec.ValidationError as error:
        raise InvalidInput("resolution", f"This is not possible: {error}.") from error


def _show(found: list[ShortfallShape], as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    if not found:
        click.echo("There are none.")
        return
    table = table_of(
        "case", "receipt", "status", "terminal", "who", "product", numbers=("sold", "there", "open", "now")
    )
    for one in found:
        head = (str(one.id), one.receipt_number, one.status, one.terminal_id, one.actor)
        for line in one.lines:
            table.add_row(*head, line.product_id, *map(str, (line.sold, line.there, line.open, line.available)))
    console().print(table)
    for one in found:
        for choice in one.choices:
            if choice.possible:
                click.echo(f"{one.id} {choice.choice}: {choice.consequence}")
