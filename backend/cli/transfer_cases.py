"""`mostrador transfer cases`, `settle` and `assign`: what was sent and did not arrive."""

from pathlib import Path
from uuid import UUID

import click

from backend.database.engine import Database
from backend.database.reads import reading
from backend.ids import new_id
from backend.model.discrepancies import CaseBody, CaseOutcome, CaseStatus
from backend.model.verbs.transfer_assign import TransferAssign
from backend.model.verbs.transfer_settle import TransferSettle
from backend.stores.queries import require_store
from backend.transfers.schemas import DiscrepancyShape
from backend.transfers.service import Transfers

from .transfer_parts import OPERATOR, REASON, Units, database_and_json, products, run, show_cases, units_option


@click.command()
@click.option("--store", "store_id", metavar="ID", required=True, help="The store whose cases to list.")
@click.option("--settled", is_flag=True, help="Those that are settled, instead of those that are open.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many.")
@database_and_json
def cases(store_id: str, settled: bool, limit: int, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """List the discrepancy cases of a store: whose they are, how old, and what is still missing.

    \b
    Example:
      mostrador transfer cases --store 304
    """
    status = CaseStatus.SETTLED if settled else CaseStatus.OPEN

    async def act(transfers: Transfers, db: Database) -> list[DiscrepancyShape]:
        async with reading(db) as connection:
            await require_store(connection, store_id)
        now = await transfers.now()
        return [DiscrepancyShape.of(case, now) for case in await transfers.cases(store_id, (status,), limit=limit)]

    show_cases(run(database_url, data, act), as_json)


@click.command()
@click.argument("case_id", type=click.UUID, metavar="CASE")
@click.option(
    "--outcome", type=click.Choice(list(map(str, CaseOutcome))), required=True, help="What became of the units."
)
@units_option("line", "Of how many units of which product; without it, of all that are open.")
@REASON
@database_and_json
def settle(
    case_id: UUID,
    outcome: str,
    line: Units,
    reason: str,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Say what became of units that did not arrive: found there, returned to the store that sent them, or lost.

    \b
    Example:
      mostrador transfer settle 019a9f3e-0000-7000-8000-000000000000 --outcome found --reason "in the yard"
    """

    async def act(transfers: Transfers, db: Database) -> list[DiscrepancyShape]:
        case = await transfers.case(case_id)
        command = TransferSettle(
            id=new_id(),
            store_id=case.other_store_id if outcome == CaseOutcome.FOUND else case.store_id,
            discrepancy_id=case.id,
            transfer_id=case.read(CaseBody).transfer_id,
            outcome=CaseOutcome(outcome),
            reason=reason,
            lines=await products(db, line) or None,
        )
        after = await transfers.step_case(command, OPERATOR)
        return [DiscrepancyShape.of(after.case, after.now)]

    show_cases(run(database_url, data, act), as_json)


@click.command()
@click.argument("case_id", type=click.UUID, metavar="CASE")
@click.argument("owner")
@database_and_json
def assign(case_id: UUID, owner: str, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Give a discrepancy case to OWNER, who is to find out.

    \b
    Example:
      mostrador transfer assign 019a9f3e-0000-7000-8000-000000000000 luis
    """

    async def act(transfers: Transfers, _: Database) -> list[DiscrepancyShape]:
        case = await transfers.case(case_id)
        command = TransferAssign(id=new_id(), store_id=case.store_id, discrepancy_id=case_id, owner=owner)
        after = await transfers.step_case(command, OPERATOR)
        return [DiscrepancyShape.of(after.case, after.now)]

    show_cases(run(database_url, data, act), as_json)
