"""`mostrador transfer …`: the transfers and discrepancy cases of a shop, seen and moved on by its operator."""

from collections import defaultdict
from pathlib import Path
from uuid import UUID

import click
import msgspec

from backend.database.engine import Database
from backend.database.reads import reading
from backend.documents.queries import Side
from backend.ids import new_id
from backend.model.transfers import TransferStatus
from backend.model.verbs.transfer_cancel import InFlight, TransferCancel
from backend.model.verbs.transfer_close import TransferClose
from backend.model.verbs.transfer_open import TransferOpen
from backend.model.verbs.transfer_pack import TransferPack
from backend.model.verbs.transfer_receive import TransferReceiptLine, TransferReceive
from backend.model.verbs.transfer_ship import TransferShip
from backend.stores.queries import require_store
from backend.transfers.schemas import ListedTransferShape
from backend.transfers.service import FoundTransfer, Transfers

from .options import console
from .transfer_cases import assign, cases, settle
from .transfer_parts import (
    OPERATOR,
    REASON,
    Units,
    database_and_json,
    products,
    run,
    show_transfer,
    table_of,
    units_option,
)


@click.group()
def transfer() -> None:
    """Goods that go from one store to another, step by step, and what did not arrive.

    Each step is done for the store whose step it is, and recorded as done by the operator.

    \b
    Examples:
      mostrador transfer open --from 292 --to 304 --line 1029743=6
      mostrador transfer list --store 304 --status in_transit
    """


@transfer.command("list")
@click.option("--store", "store_id", metavar="ID", required=True, help="The store whose transfers to list.")
@click.option("--status", type=click.Choice(list(map(str, TransferStatus))), help="Only those that are at this step.")
@click.option("--direction", type=click.Choice(["in", "out"]), help="Only those that it receives, or sends.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many.")
@database_and_json
def list_(
    store_id: str,
    status: str | None,
    direction: str | None,
    limit: int,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """List the transfers of a store, latest change first.

    \b
    Example:
      mostrador transfer list --store 304 --direction in --status in_transit
    """
    side = {None: Side.BOTH, "in": Side.OTHER, "out": Side.OWN}[direction]
    statuses = tuple(TransferStatus) if status is None else (TransferStatus(status),)

    async def act(transfers: Transfers, db: Database) -> list[ListedTransferShape]:
        async with reading(db) as connection:
            await require_store(connection, store_id)
        found = await transfers.listed(store_id, statuses, side, limit=limit)
        return [ListedTransferShape.of(document) for document in found]

    found = run(database_url, data, act)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    table = table_of("id", "from", "to", "status", "reference", numbers=("units", "in transit"))
    for one in found:
        units = (sum(line.quantity for line in one.lines), sum(line.in_transit for line in one.lines))
        table.add_row(str(one.id), one.from_store_id, one.to_store_id, one.status, one.reference, *map(str, units))
    console().print(table)


@transfer.command()
@click.argument("transfer_id", type=click.UUID, metavar="TRANSFER")
@database_and_json
def show(transfer_id: UUID, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Show a transfer: its lines, who did what to it, and its discrepancy cases.

    \b
    Example:
      mostrador transfer show 019a9f3e-0000-7000-8000-000000000000
    """
    show_transfer(run(database_url, data, lambda transfers, _: transfers.find(transfer_id)), as_json)


@transfer.command("open")
@click.option("--from", "source", metavar="ID", required=True, help="The store that sends.")
@click.option("--to", "destination", metavar="ID", required=True, help="The store that receives.")
@units_option("line", "How many units of which product; once for each.", required=True)
@click.option("--request", is_flag=True, help="Ask for the store that receives, instead of drafting for the other.")
@click.option("--reference", metavar="TEXT", default="", help="What people call it.")
@click.option("--note", metavar="TEXT", default="", help="What the other store should know.")
@database_and_json
def open_(
    source: str,
    destination: str,
    line: Units,
    request: bool,
    reference: str,
    note: str,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Ask for goods to go from one store to another. No stock moves yet.

    \b
    Example:
      mostrador transfer open --from 292 --to 304 --line 1029743=6 --line 818981=2
    """

    async def act(transfers: Transfers, db: Database) -> FoundTransfer:
        command = TransferOpen(
            id=new_id(),
            store_id=destination if request else source,
            from_store_id=source,
            to_store_id=destination,
            lines=await products(db, line),
            reference=reference,
            note=note,
        )
        return await transfers.step(command, OPERATOR)

    show_transfer(run(database_url, data, act), as_json)


@transfer.command()
@click.argument("transfer_id", type=click.UUID, metavar="TRANSFER")
@units_option("line", "How many units are packed of which product; without it, all that were asked for.")
@database_and_json
def pack(transfer_id: UUID, line: Units, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Put the units aside in the store that sends, where nobody can sell them.

    \b
    Example:
      mostrador transfer pack 019a9f3e-0000-7000-8000-000000000000 --line 1029743=5
    """

    async def act(transfers: Transfers, db: Database) -> FoundTransfer:
        own = (await transfers.transfer(transfer_id)).store_id
        lines = await products(db, line) or None
        return await transfers.step(
            TransferPack(id=new_id(), store_id=own, transfer_id=transfer_id, lines=lines), OPERATOR
        )

    show_transfer(run(database_url, data, act), as_json)


@transfer.command()
@click.argument("transfer_id", type=click.UUID, metavar="TRANSFER")
@click.option("--reference", metavar="TEXT", default="", help="The number of the delivery note.")
@database_and_json
def ship(transfer_id: UUID, reference: str, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Send what is packed: it is on its way to the other store.

    \b
    Example:
      mostrador transfer ship 019a9f3e-0000-7000-8000-000000000000 --reference A-17
    """

    async def act(transfers: Transfers, _: Database) -> FoundTransfer:
        own = (await transfers.transfer(transfer_id)).store_id
        command = TransferShip(id=new_id(), store_id=own, transfer_id=transfer_id, reference=reference)
        return await transfers.step(command, OPERATOR)

    show_transfer(run(database_url, data, act), as_json)


@transfer.command()
@click.argument("transfer_id", type=click.UUID, metavar="TRANSFER")
@units_option("good", "Units that arrived and can be sold.")
@units_option("damaged", "Units that arrived and cannot be sold.")
@units_option("missing", "Units that will not come any more; a discrepancy case is opened for them.")
@click.option("--reason", metavar="TEXT", default="", help="What there is to say about it.")
@database_and_json
def receive(
    transfer_id: UUID,
    good: Units,
    damaged: Units,
    missing: Units,
    reason: str,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Take in what has arrived, as often as something arrives.

    \b
    Example:
      mostrador transfer receive 019a9f3e-0000-7000-8000-000000000000 --good 1029743=4 --damaged 1029743=1
    """

    async def act(transfers: Transfers, db: Database) -> FoundTransfer:
        there = (await transfers.transfer(transfer_id)).other_store_id
        units: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for name, some in (("good", good), ("damaged", damaged), ("missing", missing)):
            for line in await products(db, some):
                units[line.product_id][name] = units[line.product_id].get(name, 0) + line.quantity
        lines = tuple([TransferReceiptLine(product_id, **parts) for product_id, parts in units.items()])
        command = TransferReceive(id=new_id(), store_id=there, transfer_id=transfer_id, lines=lines, reason=reason)
        return await transfers.step(command, OPERATOR)

    show_transfer(run(database_url, data, act), as_json)


@transfer.command()
@click.argument("transfer_id", type=click.UUID, metavar="TRANSFER")
@click.option("--reason", metavar="TEXT", default="", help="Why nothing more will arrive.")
@database_and_json
def close(transfer_id: UUID, reason: str, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Say that nothing more will arrive; what is still open becomes a discrepancy case.

    \b
    Example:
      mostrador transfer close 019a9f3e-0000-7000-8000-000000000000 --reason "the van is empty"
    """

    async def act(transfers: Transfers, _: Database) -> FoundTransfer:
        there = (await transfers.transfer(transfer_id)).other_store_id
        command = TransferClose(id=new_id(), store_id=there, transfer_id=transfer_id, reason=reason)
        return await transfers.step(command, OPERATOR)

    show_transfer(run(database_url, data, act), as_json)


@transfer.command()
@click.argument("transfer_id", type=click.UUID, metavar="TRANSFER")
@REASON
@click.option(
    "--in-flight",
    type=click.Choice([x.value for x in InFlight]),
    help="Once the goods have left: they are back in the store that sent them, or lost. It has no default.",
)
@database_and_json
def cancel(
    transfer_id: UUID, reason: str, in_flight: str | None, database_url: str | None, data: Path | None, as_json: bool
) -> None:
    """End a transfer: what is packed is free again, what is on its way is back or lost.

    \b
    Example:
      mostrador transfer cancel 019a9f3e-0000-7000-8000-000000000000 --reason "broke down" --in-flight restock
    """

    async def act(transfers: Transfers, _: Database) -> FoundTransfer:
        command = TransferCancel(
            id=new_id(),
            store_id=(await transfers.transfer(transfer_id)).store_id,
            transfer_id=transfer_id,
            reason=reason,
            in_flight=None if in_flight is None else InFlight(in_flight),
        )
        return await transfers.step(command, OPERATOR)

    show_transfer(run(database_url, data, act), as_json)


for _command in (cases, settle, assign):
    transfer.add_command(_command)
