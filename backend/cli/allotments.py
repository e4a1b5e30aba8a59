"""`mostrador allotments`: show what terminals keep for outages, reclaim it, and set how much they may keep."""

import asyncio
from pathlib import Path
from uuid import UUID

import click
from msgspec import Struct

from backend.allotments.queries import AllotmentKey, KeptAllotment, allotments_in
from backend.allotments.schemas import PolicyShape
from backend.allotments.service import policies_of_store, set_policy, store_holding
from backend.auth.roles import ScopeMissing
from backend.database.audit_trail import Origin
from backend.database.engine import Database
from backend.database.reads import reading
from backend.ids import new_id
from backend.model.allotments import DEFAULT_POLICY, EVERY_PRODUCT, AllotmentPolicy, Beyond
from backend.model.answers import Answer
from backend.model.scopes import Scope
from backend.model.verbs.allot_reclaim import AllotReclaim
from backend.stores.queries import require_store

from .commanding import as_option, claims_of, on_database, send
from .office import show, tell
from .options import database_options, database_url_of

_PAGE = 500
_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


class _Reclaimed(Struct, frozen=True):
    allotment_id: UUID
    store_id: str
    product_id: str
    terminal_id: str
    quantity: int


@click.group()
def allotments() -> None:
    """Show what terminals keep for outages, reclaim it, and set the policies.

    \b
    Examples:
      mostrador allotments list 292 --overdue
      mostrador allotments reclaim 019a9f3e-0000-7000-8000-000000000001 --reason "till is broken" --as luis
      mostrador allotments policy 292 1029743 --units 10 --as luis
    """


@allotments.command("list")
@click.argument("store")
@click.option("--product", metavar="ID", help="Only of this product.")
@click.option("--terminal", metavar="ID", help="Only of this terminal.")
@click.option("--overdue", is_flag=True, help="Only what its terminal has not renewed in time.")
@database_options
@_json
def list_(
    store: str,
    product: str | None,
    terminal: str | None,
    overdue: bool,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Show what the terminals of STORE keep, by product.

    \b
    Example:
      mostrador allotments list 292 --overdue
    """

    async def work(db: Database) -> list[KeptAllotment]:
        found: list[KeptAllotment] = []
        async with reading(db) as connection:
            await require_store(connection, store)
            while True:
                after = AllotmentKey(found[-1].product_id, found[-1].id) if found else AllotmentKey("", UUID(int=0))
                page = await allotments_in(
                    connection,
                    store,
                    product_id=product,
                    terminal_id=terminal,
                    overdue=overdue,
                    after=after,
                    limit=_PAGE,
                )
                found.extend(page)
                if len(page) < _PAGE:
                    return found

    columns = ("id", "terminal_id", "sku", "product_name", "quantity", "wanted", "due_at", "overdue", "person")
    found = asyncio.run(on_database(database_url_of(database_url, data), work))
    show(as_json, found, columns, f"No terminal of store {store} keeps any such units.")


@allotments.command()
@click.argument("allotment", type=click.UUID)
@click.option("--reason", required=True, help="Why its terminal does not give it back.")
@as_option
@database_options
@_json
def reclaim(
    allotment: UUID, reason: str, person: str, database_url: str | None, data: Path | None, as_json: bool
) -> None:
    """Take back what a terminal keeps. What it has sold of it may be short when it reports.

    \b
    Example:
      mostrador allotments reclaim 019a9f3e-0000-7000-8000-000000000001 --reason "till is broken" --as luis
    """

    async def work(db: Database) -> Answer:
        claims = await claims_of(db, person)
        store_id = await store_holding(db, claims, allotment)
        return await send(
            db, claims, AllotReclaim(id=new_id(), store_id=store_id, allotment_id=allotment, reason=reason)
        )

    hold = asyncio.run(on_database(database_url_of(database_url, data), work)).reservation
    assert hold is not None
    (line,) = hold.lines
    taken = _Reclaimed(allotment, hold.store_id, line.product_id, hold.terminal_id, line.quantity)
    tell(as_json, taken, f"{line.quantity} units of {line.product_id} of terminal {hold.terminal_id} are free again.")


@allotments.command()
@click.argument("store")
@click.argument("product", default=EVERY_PRODUCT)
@click.option("--units", type=click.IntRange(0, 1_000_000), help="How many units a terminal may keep.")
@click.option("--minutes", type=click.IntRange(1, 30 * 24 * 60), help="How long an outage it is to survive.")
@click.option(
    "--beyond", type=click.Choice([one.value for one in Beyond]), help="What happens to a sale beyond its allotment."
)
@click.option("--off", is_flag=True, help="Take the policy away.")
@click.option("--as", "person", metavar="NAME", default="", help="The person who sets it.")
@database_options
@_json
def policy(
    store: str,
    product: str,
    units: int | None,
    minutes: int | None,
    beyond: str | None,
    off: bool,
    person: str,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Show the policies of STORE, or set that of PRODUCT; without one, that of all products that have none.

    \b
    Examples:
      mostrador allotments policy 292
      mostrador allotments policy 292 1029743 --units 10 --minutes 120 --beyond supervisor --as luis
      mostrador allotments policy 292 1029743 --off --as luis
    """
    said = (units, minutes, beyond) != (None, None, None)
    if off and said:
        raise click.UsageError("--off takes the policy away; leave --units, --minutes and --beyond out.")
    if (off or said) and not person:
        raise click.UsageError("A policy is set in somebody's name: add --as NAME.")

    async def work(db: Database) -> list[PolicyShape]:
        if off or said:
            claims = await claims_of(db, person)
            if Scope.STOCK_WRITE not in claims.scopes:
                raise ScopeMissing(f"A {claims.role} may not do this; it needs the right {Scope.STOCK_WRITE}.")
            claims.require_store(store)
            stored = {x.product_id: x.policy for x in await policies_of_store(db, store)}
            before = stored.get(product) or stored.get(EVERY_PRODUCT) or DEFAULT_POLICY
            wanted = None if off else _changed(before, units, minutes, beyond)
            await set_policy(db, Origin(claims.actor), store, product, wanted)
        return [PolicyShape.of(x.product_id, x.policy) for x in await policies_of_store(db, store)]

    found = asyncio.run(on_database(database_url_of(database_url, data), work))
    default = f"a terminal keeps at most {DEFAULT_POLICY.units} units, for {DEFAULT_POLICY.minutes} minutes"
    none = f"Store {store} has no policy of its own: {default}; beyond: {DEFAULT_POLICY.beyond}."
    show(as_json, found, ("product_id", "units", "minutes", "beyond"), none)


def _changed(before: AllotmentPolicy, units: int | None, minutes: int | None, beyond: str | None) -> AllotmentPolicy:
    return AllotmentPolicy(
        before.units if units is None else units,
        before.minutes if minutes is None else minutes,
        before.beyond if beyond is None else Beyond(beyond),
    )
