"""Brings a file in: reads and checks all of it, says what it would change, and changes that, or nothing."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from msgspec import Struct
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.pins import Pins
from backend.database.audit_trail import record
from backend.database.engine import Database
from backend.database.reads import reading
from backend.database.writes import writing
from backend.model.errors import MostradorError

from .counts import plan_stock
from .goods import BY, plan_barcodes, plan_products
from .lists import plan_prices
from .plan import Plan
from .reading import Progress, Row, RowError, Table, read_table
from .staff import plan_stores, plan_users

ORDER = ("stores", "users", "products", "barcodes", "prices", "stock")
"""The kinds of file, each after those whose rows it speaks of."""


class ChangedMeanwhile(MostradorError):
    """Somebody changed what the file speaks of between the look at it and the change."""

    code = "changed_meanwhile"
    retryable = True


class Imported(Struct, frozen=True):
    """What a file did, or in a dry run or with errors would have done: then it was not `written`."""

    kind: str
    file: str
    rows: int
    created: int
    changed: int
    unchanged: int
    written: bool
    errors: list[RowError]
    """Of stock also what the ledger refused; then the other rows are written."""


async def import_file(
    db: Database, kind: str, path: Path, progress: Progress, *, dry_run: bool = False, again: bool = False
) -> Imported:
    """Make the shop what the file says. A file with an error changes nothing; one that was imported before neither.

    `again` gives the stock of a file that was imported before once more. Raises InvalidInput for what is no such file,
    ChangedMeanwhile, OSError, DatabaseAway and its like.
    """
    table = read_table(kind, path, progress)
    async with reading(db) as connection:
        progress("check", 0, 1)
        plan = await _plan(connection, kind, table, again=again)
        progress("check", 1, 1)
    errors = sorted(plan.errors, key=lambda error: error.line)
    counts = (plan.created, plan.changed, plan.unchanged)
    if errors or dry_run:
        return Imported(kind, str(path), len(table.rows), *counts, written=False, errors=errors)
    if not plan.created + plan.changed:
        return Imported(kind, str(path), len(table.rows), *counts, written=True, errors=[])
    try:
        refused = await plan.write(db, progress)
    except IntegrityError as error:
        raise ChangedMeanwhile("The shop was changed while the file was looked through; import it again.") from error
    done = Imported(
        kind,
        str(path),
        len(table.rows),
        plan.created,
        plan.changed - len(refused),
        plan.unchanged,
        written=True,
        errors=refused,
    )
    async with writing(db) as connection:
        counted = {"rows": done.rows, "created": done.created, "changed": done.changed, "refused": len(refused)}
        after = {"file": path.name, "sha256": table.digest.hex(), **counted}
        await record(connection, BY, f"{kind}.import", f"file:{path.name[:190]}", after=after)
    return done


async def _plan(connection: AsyncConnection, kind: str, table: Table, *, again: bool) -> Plan:
    plans: dict[str, Callable[[AsyncConnection, list[Row], list[RowError]], Awaitable[Plan]]] = {
        "products": plan_products,
        "barcodes": plan_barcodes,
        "prices": plan_prices,
        "stores": plan_stores,
        "users": partial(plan_users, pins=Pins()),
        "stock": partial(plan_stock, digest=table.digest, again=again),
    }
    return await plans[kind](connection, table.rows, table.errors)
