"""`mostrador count …`: counts of a shop that goes on selling."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import click
import msgspec

from backend.counts.schemas import CountShape, ListedCountShape
from backend.counts.service import Counts, FoundCount
from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.errors import UnknownProduct
from backend.ids import new_id
from backend.ledger.lanes import Ledger
from backend.model.counts import CountStatus, How, Tolerance
from backend.model.counts import Scope as What
from backend.model.verbs.count_cancel import CountCancel
from backend.model.verbs.count_open import CountOpen
from backend.model.verbs.count_scan import CountScan
from backend.receiving.queries import meant_by
from backend.stores.queries import require_store

from .opened import OPERATOR, run, shop_and_json
from .options import console
from .transfer_parts import Units, table_of, units_option


@click.group()
def count() -> None:
    """Counts, while the shop goes on selling: what differs at the scan is corrected, never what was sold since.

    \b
    Examples:
      mostrador count open --store 292 --category Tea
      mostrador count post 019a9f3e-0000-7000-8000-000000000000
    """


@count.command("open")
@click.option("--store", "store_id", metavar="ID", required=True, help="The store that is counted.")
@click.option("--product", "products", metavar="CODE", multiple=True, help="A product of the list; once for each.")
@click.option("--category", "categories", metavar="NAME", multiple=True, help="A category of the list; once for each.")
@click.option("--units", type=click.IntRange(0), default=2, show_default=True, help="Tolerance, in units.")
@click.option("--per-cent", type=click.IntRange(0, 100), default=2, show_default=True, help="Tolerance, in per cent.")
@click.option("--reference", metavar="TEXT", default="", help="What people call it.")
@shop_and_json
def open_(
    store_id: str,
    products: Sequence[str],
    categories: Sequence[str],
    units: int,
    per_cent: int,
    reference: str,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Begin a count: of the whole store, or of the products and categories that are named.

    \b
    Example:
      mostrador count open --store 292 --category Tea --product 1029743
    """

    async def act(db: Database, ledger: Ledger) -> FoundCount:
        ids = await _ids(db, products)
        scope = What.CYCLE if products or categories else What.FULL
        command = CountOpen(
            id=new_id(),
            store_id=store_id,
            scope=scope,
            products=tuple(ids),
            categories=tuple(categories),
            tolerance=Tolerance(units, per_cent),
            reference=reference,
        )
        counts = Counts(db, ledger)
        (opened,) = await counts.send(command, OPERATOR)
        return await counts.find(opened.id)

    _show(run(database_url, data, act), as_json)


@count.command("list")
@click.option("--store", "store_id", metavar="ID", required=True, help="The store whose counts to list.")
@click.option("--status", type=click.Choice(list(map(str, CountStatus))), help="Only those that are so far.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many.")
@shop_and_json
def list_(
    store_id: str, status: str | None, limit: int, database_url: str | None, data: Path | None, as_json: bool
) -> None:
    """List the counts of a store, latest change first.

    \b
    Example:
      mostrador count list --store 292 --status recount
    """
    statuses = tuple(CountStatus) if status is None else (CountStatus(status),)

    async def act(db: Database, ledger: Ledger) -> list[ListedCountShape]:
        async with reading(db) as connection:
            await require_store(connection, store_id)
        found = await Counts(db, ledger).listed(store_id, statuses, limit=limit)
        return [ListedCountShape.of(one) for one in found]

    found = run(database_url, data, act)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    table = table_of("id", "scope", "status", "reference", numbers=("counted", "posted", "recounts"))
    for one in found:
        numbers = (str(one.counted), str(one.posted), str(one.recounts))
        table.add_row(str(one.id), one.scope, one.status, one.reference, *numbers)
    console().print(table)


@count.command()
@click.argument("count_id", type=click.UUID, metavar="COUNT")
@shop_and_json
def show(count_id: UUID, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Show a count: what was counted, what it differs by, what waits to be counted again or has not been counted yet.

    \b
    Example:
      mostrador count show 019a9f3e-0000-7000-8000-000000000000
    """
    _show(run(database_url, data, lambda db, ledger: Counts(db, ledger).find(count_id)), as_json)


@count.command()
@click.argument("count_id", type=click.UUID, metavar="COUNT")
@units_option("seen", "How many units of which product somebody has counted; once for each.")
@click.option("--none", "empty", metavar="SKU", multiple=True, help="A product of which there is nothing.")
@click.option(
    "--how",
    type=click.Choice([x.value for x in How]),
    default=How.ADD.value,
    show_default=True,
    help="Beside what was counted before, or instead of it.",
)
@shop_and_json
def scan(
    count_id: UUID,
    seen: Units,
    empty: Sequence[str],
    how: str,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Say what somebody has counted: more of a product (add), instead of their own (correct), or of all (recount).

    \b
    Example:
      mostrador count scan 019a9f3e-0000-7000-8000-000000000000 --seen 1029743=7 --seen 818981=2
    """

    pieces = [*seen, *[(sku, 0) for sku in empty]]
    if not pieces:
        raise click.UsageError("Say what was counted, with --seen or --none.")

    async def act(db: Database, ledger: Ledger) -> FoundCount:
        counts = Counts(db, ledger)
        found = await counts.count(count_id)
        ids = await _ids(db, [sku for sku, _ in pieces])
        for product_id, (_, units) in zip(ids, pieces, strict=True):
            command = CountScan(
                id=new_id(),
                store_id=found.store_id,
                count_id=found.id,
                product_id=product_id,
                units=units,
                how=How(how),
            )
            await counts.send(command, OPERATOR)
        return await counts.find(count_id)

    _show(run(database_url, data, act), as_json)


@count.command()
@click.argument("count_id", type=click.UUID, metavar="COUNT")
@click.option("--go-on", is_flag=True, help="Do not end the count: others are still counting.")
@click.option("--reason", metavar="TEXT", default="", help="Kept with the movements.")
@shop_and_json
def post(count_id: UUID, go_on: bool, reason: str, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Correct the stock by what the lines differ by, and end the count unless a line waits to be counted again.

    Again for a posted count, it corrects for sales of before a scan of which a terminal has told since.

    \b
    Example:
      mostrador count post 019a9f3e-0000-7000-8000-000000000000
    """

    async def act(db: Database, ledger: Ledger) -> FoundCount:
        counts = Counts(db, ledger)
        found = await counts.count(count_id)
        return await counts.post(found, new_id(), OPERATOR, finish=not go_on, approved_by=OPERATOR.actor, reason=reason)

    _show(run(database_url, data, act), as_json)


@count.command()
@click.argument("count_id", type=click.UUID, metavar="COUNT")
@click.option("--reason", metavar="TEXT", default="", help="Why nobody counts any more.")
@shop_and_json
def cancel(count_id: UUID, reason: str, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """End a count; what was posted stays, the rest is forgotten.

    \b
    Example:
      mostrador count cancel 019a9f3e-0000-7000-8000-000000000000
    """

    async def act(db: Database, ledger: Ledger) -> FoundCount:
        counts = Counts(db, ledger)
        found = await counts.count(count_id)
        command = CountCancel(id=new_id(), store_id=found.store_id, count_id=found.id, reason=reason)
        await counts.send(command, OPERATOR)
        return await counts.find(count_id)

    _show(run(database_url, data, act), as_json)


async def _ids(db: Database, codes: Sequence[str]) -> list[str]:
    """Returns the ids of products that are named by a SKU, a barcode or an id. Raises UnknownProduct."""
    async with reading(db) as connection:
        meant = await meant_by(connection, codes)
    for code in codes:
        if code not in meant:
            raise UnknownProduct(code)
    return [meant[code].product_id for code in codes]


def _show(found: FoundCount, as_json: bool) -> None:
    """Prints a count with its lines."""
    shape = CountShape.whole(found, blind=False)
    if as_json:
        click.echo(msgspec.json.encode(shape))
        return
    click.echo(f"Count {shape.id} of store {shape.store_id}, {shape.scope}: {shape.status}")
    table = table_of("product", "status", "why", numbers=("counted", "expected", "variance", "posted"))
    for line in shape.lines:
        units = (line.counted, line.expected, line.variance, line.posted)
        table.add_row(line.product_id, line.status, line.why or "", *map(str, units))
    console().print(table)
    if shape.uncounted:
        click.echo(f"Not counted yet: {len(shape.uncounted)} products, the first of them {shape.uncounted[0]}.")
