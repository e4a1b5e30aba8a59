"""`mostrador receive …`: what suppliers are to deliver, and what has come of it."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

import click
import msgspec

from backend.database.engine import Database
from backend.database.reads import reading
from backend.ids import new_id
from backend.ledger.lanes import Ledger
from backend.model.commands import MAX_QUANTITY
from backend.model.documents import Document
from backend.model.purchases import PurchaseStatus
from backend.model.verbs.goods_receipt import GoodsReceipt
from backend.model.verbs.purchase_end import PurchaseEnd
from backend.model.verbs.purchase_receive import PurchaseReceive
from backend.receiving.notices import Imported, import_notice
from backend.receiving.schemas import PurchaseShape, ReceiptShape
from backend.receiving.service import Receiving, Scanned
from backend.stores.queries import require_store

from .opened import OPERATOR, run, shop_and_json
from .options import console
from .transfer_parts import table_of


class _Pieces(click.ParamType[tuple[str, int]]):
    name = "pieces"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Returns a code and how many pieces carry it: `8412345678905=6`."""
        code, found, number = str(value).rpartition("=")
        if not found or not code or not number.isdecimal() or not 1 <= int(number) <= MAX_QUANTITY:
            self.fail(f"it must be CODE=PIECES, such as 8412345678905=6, with 1 to {MAX_QUANTITY}", param, ctx)
        return code, int(number)


_GOOD = click.option("--good", type=_Pieces(), metavar="CODE=PIECES", multiple=True, help="What came and can be sold.")
_DAMAGED = click.option(
    "--damaged", type=_Pieces(), metavar="CODE=PIECES", multiple=True, help="What came and cannot be sold."
)
_NOTE = click.option("--reference", metavar="TEXT", default="", help="The number of the delivery note.")
Pieces = Sequence[tuple[str, int]]


@click.group()
def receive() -> None:
    """What suppliers are to deliver, and what has come of it.

    \b
    Examples:
      mostrador receive import notice.csv --store 292 --supplier "Hermanos Gil" --reference P-2041
      mostrador receive list --store 292 --status open
    """


@receive.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.csv")
@click.option("--store", "store_id", metavar="ID", required=True, help="The store that is to get the goods.")
@click.option("--supplier", metavar="NAME", required=True, help="Who delivers them.")
@click.option("--reference", metavar="TEXT", required=True, help="The number of the notice; it is imported once.")
@click.option("--expected-on", type=click.DateTime(["%Y-%m-%d"]), help="The day on which they should come.")
@click.option("--dry-run", is_flag=True, help="Check the file, and open nothing.")
@shop_and_json
def import_(
    file: Path,
    store_id: str,
    supplier: str,
    reference: str,
    expected_on: datetime | None,
    dry_run: bool,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> int:
    """Open a purchase for a supplier's advance notice: a CSV file with the columns code, quantity and perhaps cost.

    Its units are incoming until they are received. A file with a wrong line opens nothing, and the exit code is 1.

    \b
    Example:
      mostrador receive import notice.csv --store 292 --supplier "Hermanos Gil" --reference P-2041 --dry-run
    """

    async def act(db: Database, ledger: Ledger) -> Imported:
        async with reading(db) as connection:
            await require_store(connection, store_id)
        with file.open(encoding="utf-8-sig", newline="") as text:
            return await import_notice(
                Receiving(db, ledger),
                text,
                store_id=store_id,
                supplier=supplier,
                reference=reference,
                who=OPERATOR,
                expected_on=_day(expected_on),
                dry_run=dry_run,
            )

    done = run(database_url, data, act)
    if as_json:
        shapes = [PurchaseShape.of(purchase) for purchase in done.purchases]
        said = {"purchases": shapes, "errors": done.errors, "lines": done.lines, "units": done.units}
        click.echo(msgspec.json.encode(said | {"again": done.again}))
        return 1 if done.errors else 0
    for error in done.errors:
        click.echo(f"{file}, line {error.line}: {error.message}", err=True)
    if done.errors:
        return 1
    if dry_run:
        click.echo(f"The file is right: {done.lines} products, {done.units} units.")
    for purchase in done.purchases:
        before = "was imported before as" if done.again else "is"
        click.echo(f"{reference} {before} purchase {purchase.id}: {done.units} units of {done.lines} products.")
    return 0


@receive.command("list")
@click.option("--store", "store_id", metavar="ID", required=True, help="The store whose purchases to list.")
@click.option("--status", type=click.Choice(list(map(str, PurchaseStatus))), help="Only those that are so far.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many.")
@shop_and_json
def list_(
    store_id: str, status: str | None, limit: int, database_url: str | None, data: Path | None, as_json: bool
) -> None:
    """List the purchases of a store, latest change first.

    \b
    Example:
      mostrador receive list --store 292 --status partly_received
    """
    statuses = tuple(PurchaseStatus) if status is None else (PurchaseStatus(status),)

    async def act(db: Database, ledger: Ledger) -> list[PurchaseShape]:
        async with reading(db) as connection:
            await require_store(connection, store_id)
        found = await Receiving(db, ledger).purchases(store_id, statuses, limit=limit)
        return [PurchaseShape.of(purchase) for purchase in found]

    found = run(database_url, data, act)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    table = table_of("id", "supplier", "reference", "status", "expected on", numbers=("expected", "short"))
    for one in found:
        numbers = (str(sum(x.expected for x in one.lines)), str(sum(x.short for x in one.lines)))
        day = str(one.expected_on or "")
        table.add_row(str(one.id), one.supplier, one.reference, one.status, day, *numbers)
    console().print(table)


@receive.command()
@click.argument("purchase_id", type=click.UUID, metavar="PURCHASE")
@shop_and_json
def show(purchase_id: UUID, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Show a purchase: what was expected, what came, what is short, over, damaged or unknown.

    \b
    Example:
      mostrador receive show 019a9f3e-0000-7000-8000-000000000000
    """
    _show(run(database_url, data, lambda db, ledger: Receiving(db, ledger).purchase(purchase_id)), as_json)


@receive.command()
@click.argument("purchase_id", type=click.UUID, metavar="PURCHASE")
@_GOOD
@_DAMAGED
@_NOTE
@shop_and_json
def take(
    purchase_id: UUID,
    good: Pieces,
    damaged: Pieces,
    reference: str,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Take in what has come of a purchase, as often as something comes. A code may be a pack's.

    \b
    Example:
      mostrador receive take 019a9f3e-0000-7000-8000-000000000000 --good 8412345678905=10 --damaged 1029743=1
    """

    async def act(db: Database, ledger: Ledger) -> Document:
        receiving = Receiving(db, ledger)
        awaited = await receiving.purchase(purchase_id)
        lines, unknown = await receiving.sorted_out(_scanned(good, damaged))
        command = PurchaseReceive(
            id=new_id(),
            store_id=awaited.store_id,
            purchase_id=awaited.id,
            lines=lines,
            unknown=unknown,
            reference=reference,
        )
        _, after = await receiving.send(command, OPERATOR)
        return after

    _show(run(database_url, data, act), as_json)


@receive.command()
@click.option("--store", "store_id", metavar="ID", required=True, help="The store that has got the goods.")
@click.option("--supplier", metavar="NAME", required=True, help="Who has delivered them.")
@_GOOD
@_DAMAGED
@_NOTE
@shop_and_json
def blind(
    store_id: str,
    supplier: str,
    good: Pieces,
    damaged: Pieces,
    reference: str,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Take in goods that nobody had announced.

    \b
    Example:
      mostrador receive blind --store 292 --supplier "Hermanos Gil" --good 8412345678905=6
    """

    async def act(db: Database, ledger: Ledger) -> ReceiptShape:
        receiving = Receiving(db, ledger)
        lines, unknown = await receiving.sorted_out(_scanned(good, damaged))
        command = GoodsReceipt(
            id=new_id(), store_id=store_id, supplier=supplier, lines=lines, unknown=unknown, reference=reference
        )
        (receipt,) = await receiving.send(command, OPERATOR)
        return ReceiptShape.of(receipt)

    receipt = run(database_url, data, act)
    if as_json:
        click.echo(msgspec.json.encode(receipt))
        return
    click.echo(f"Receipt {receipt.id} of {receipt.supplier} in store {receipt.store_id}")
    table = table_of("product", numbers=("good", "damaged"))
    for line in receipt.lines:
        table.add_row(line.product_id, str(line.good), str(line.damaged))
    for item in receipt.unknown:
        table.add_row(f"{item.code} (not in the catalogue)", str(item.quantity), "")
    console().print(table)


@receive.command()
@click.argument("purchase_id", type=click.UUID, metavar="PURCHASE")
@click.option("--reason", metavar="TEXT", default="", help="Why nothing more will come.")
@shop_and_json
def end(purchase_id: UUID, reason: str, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Say that nothing more will come of a purchase; nothing of it stays incoming.

    \b
    Example:
      mostrador receive end 019a9f3e-0000-7000-8000-000000000000 --reason "not made any more"
    """

    async def act(db: Database, ledger: Ledger) -> Document:
        receiving = Receiving(db, ledger)
        awaited = await receiving.purchase(purchase_id)
        command = PurchaseEnd(id=new_id(), store_id=awaited.store_id, purchase_id=awaited.id, reason=reason)
        (after,) = await receiving.send(command, OPERATOR)
        return after

    _show(run(database_url, data, act), as_json)


def _scanned(good: Pieces, damaged: Pieces) -> list[Scanned]:
    return [
        *[Scanned(code, good=pieces) for code, pieces in good],
        *[Scanned(code, damaged=pieces) for code, pieces in damaged],
    ]


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


def _show(purchase: Document, as_json: bool) -> None:
    """Prints a purchase and its history."""
    shape = PurchaseShape.of(purchase)
    if as_json:
        click.echo(msgspec.json.encode(shape))
        return
    click.echo(f"Purchase {shape.id} of {shape.supplier} for store {shape.store_id}: {shape.status}")
    table = table_of("product", numbers=("expected", "received", "damaged", "short", "over"))
    for line in shape.lines:
        units = (line.expected, line.received, line.damaged, line.short, line.over)
        table.add_row(line.product_id, *map(str, units))
    for item in shape.unknown:
        table.add_row(f"{item.code} (not in the catalogue)", "", str(item.quantity), "", "", "")
    console().print(table)
