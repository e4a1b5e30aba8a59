"""`mostrador approvals`: list, grant and refuse what waits for approval, and set the limits of a store."""

import asyncio
from pathlib import Path
from uuid import UUID

import click
import msgspec

from backend.approvals.schemas import ApprovalShape, LimitsShape
from backend.approvals.service import approval_of, change_limits, limits_in
from backend.auth.roles import ScopeMissing
from backend.database.audit_trail import Origin
from backend.database.engine import Database
from backend.database.reads import reading
from backend.documents.queries import documents_of
from backend.ids import new_id
from backend.model.approvals import KIND, REQUESTED, STATUSES
from backend.model.limits import Limits
from backend.model.scopes import Scope
from backend.model.verbs.approval_grant import ApprovalGrant
from backend.model.verbs.approval_refuse import ApprovalRefuse
from backend.stores.queries import require_store

from .commanding import as_option, claims_of, on_database, send
from .options import database_options, database_url_of

_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group()
def approvals() -> None:
    """List, grant and refuse what waits for approval, and set the limits of a store.

    \b
    Examples:
      mostrador approvals list 292
      mostrador approvals grant 019a9f3e-0000-7000-8000-000000000001 --as eva
    """


@approvals.command("list")
@click.argument("store")
@click.option("--status", type=click.Choice(STATUSES), default=REQUESTED, show_default=True, help="Which of them.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many.")
@database_options
@_json
def list_(store: str, status: str, limit: int, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Show the approvals of STORE, latest change first.

    \b
    Example:
      mostrador approvals list 292 --status granted --json
    """

    async def work(db: Database) -> list[ApprovalShape]:
        async with reading(db) as connection:
            await require_store(connection, store)
            found = await documents_of(connection, KIND, store, [status], limit=limit)
        return [ApprovalShape.of(document) for document in found]

    _show(asyncio.run(on_database(database_url_of(database_url, data), work)), as_json)


@approvals.command()
@click.argument("approval", type=click.UUID)
@as_option
@database_options
@_json
def grant(approval: UUID, person: str, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Let what waits take effect.

    \b
    Example:
      mostrador approvals grant 019a9f3e-0000-7000-8000-000000000001 --as eva
    """

    async def work(db: Database) -> list[ApprovalShape]:
        claims = await claims_of(db, person)
        document = await approval_of(db, claims, approval)
        command = ApprovalGrant(id=new_id(), store_id=document.store_id, approval_id=document.id)
        return [ApprovalShape.of((await send(db, claims, command)).documents[-1])]

    _show(asyncio.run(on_database(database_url_of(database_url, data), work)), as_json)


@approvals.command()
@click.argument("approval", type=click.UUID)
@click.option("--reason", required=True, help="Why.")
@as_option
@database_options
@_json
def refuse(
    approval: UUID, reason: str, person: str, database_url: str | None, data: Path | None, as_json: bool
) -> None:
    """Refuse what waits.

    \b
    Example:
      mostrador approvals refuse 019a9f3e-0000-7000-8000-000000000001 --reason "count again" --as eva
    """

    async def work(db: Database) -> list[ApprovalShape]:
        claims = await claims_of(db, person)
        document = await approval_of(db, claims, approval)
        command = ApprovalRefuse(id=new_id(), store_id=document.store_id, approval_id=document.id, reason=reason)
        return [ApprovalShape.of((await send(db, claims, command)).documents[-1])]

    _show(asyncio.run(on_database(database_url_of(database_url, data), work)), as_json)


@approvals.command()
@click.argument("store")
@click.option("--units", type=click.IntRange(0), help="Above so many units a correction waits.")
@click.option("--value-cents", type=click.IntRange(0), help="Above so many cents it waits.")
@click.option("--off", is_flag=True, help="Nothing waits any more.")
@click.option("--as", "person", metavar="NAME", default="", help="The admin who sets them.")
@database_options
@_json
def limits(
    store: str,
    units: int | None,
    value_cents: int | None,
    off: bool,
    person: str,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Show the limits of STORE, or set both at once.

    \b
    Examples:
      mostrador approvals limits 292
      mostrador approvals limits 292 --units 20 --value-cents 5000 --as root
      mostrador approvals limits 292 --off --as root
    """
    wanted = Limits(units, value_cents)
    if off and wanted != Limits():
        raise click.UsageError("--off is no limit at all; leave --units and --value-cents out.")
    changing = off or wanted != Limits()
    if changing and not person:
        raise click.UsageError("Limits are set in an admin's name: add --as NAME.")

    async def work(db: Database) -> Limits:
        if changing:
            claims = await claims_of(db, person)
            if Scope.STORES_WRITE not in claims.scopes:
                raise ScopeMissing(f"A {claims.role} may not do this; it needs the right {Scope.STORES_WRITE}.")
            await change_limits(db, Origin(claims.actor), store, wanted)
        return await limits_in(db, store)

    found = asyncio.run(on_database(database_url_of(database_url, data), work))
    if as_json:
        click.echo(msgspec.json.encode(LimitsShape.of(store, found)))
    elif found == Limits():
        click.echo(f"Nothing waits for approval in store {store}.")
    else:
        told = [f"{found.units} units"] if found.units is not None else []
        told += [f"{found.value_cents / 100:.2f} in value"] if found.value_cents is not None else []
        click.echo(f"In store {store} what is above {' or '.join(told)} waits for approval.")


def _show(found: list[ApprovalShape], as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for one in found:
        decided = f" by {one.decided_by}" if one.decided_by else ""
        click.echo(
            f"{one.id} {one.status}{decided}: {one.verb} of {one.units} units worth {one.value_cents / 100:.2f},"
            f" asked by {one.requested_by}: {one.reason}"
        )
    if not found:
        click.echo("There are none.")
