"""Stock from a file, through the ledger: a set_stock command a row, whose id is made of the file and the row.

So a file that is imported again, or whose import was broken off, does what it has not done yet and nothing twice, even
if units were sold meanwhile.
"""

import time
from collections.abc import Sequence
from uuid import UUID, uuid5

from msgspec import UNSET
from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database import tables
from backend.database.engine import Database
from backend.ledger.lanes import open_ledger
from backend.model.books import Request
from backend.model.stock import Who
from backend.model.verbs.set_stock import LevelChanges, SetStock
from backend.stores.queries import all_stores

from .goods import no_product, product_ids
from .plan import Plan, only_once
from .reading import Progress, Row, RowError

WHO = Who("system:cli")
_ROWS = UUID("6b3a9f0e-2a4d-4b5e-8d7f-3c9f2b1a7e64")
_LEVELS = LevelChanges.__struct_fields__
_AT_ONCE = 4_096
"""Commands that wait in the ledger at once."""
_KNOWN = select(tables.commands.c.id).where(tables.commands.c.id.in_(bindparam("ids", expanding=True)))
_IN_ONE_QUESTION = 500


async def plan_stock(
    connection: AsyncConnection, rows: list[Row], errors: list[RowError], *, digest: bytes, again: bool
) -> Plan:
    """Returns the commands of the rows that have not been given yet; with `again` those of all rows, as new ones."""
    stores, skus = dict(await all_stores(connection)), await product_ids(connection)
    salt = f"{digest.hex()}/{time.time_ns()}" if again else digest.hex()
    commands: dict[UUID, tuple[Row, SetStock]] = {}
    for row in only_once(rows, lambda values: (values.store_id, values.sku), "sku", errors):
        given = row.values
        if given.store_id not in stores:
            message = f"There is no store {given.store_id}; found it first: mostrador stores add."
            errors.append(RowError(row.line, "store_id", message))
        elif (product_id := skus.get(given.sku)) is None:
            errors.append(no_product(row.line, given.sku))
        else:
            command = _command(salt, product_id, given)
            commands[command.id] = (row, command)
    known = await _known(connection, list(commands))
    waiting = [pair for command_id, pair in commands.items() if command_id not in known]

    async def write(db: Database, progress: Progress) -> list[RowError]:
        refused: list[RowError] = []
        ledger = open_ledger(db, lambda _messages: None)
        await ledger.start()
        try:
            for start in range(0, len(waiting), _AT_ONCE):
                progress("write", start, len(waiting))
                part = waiting[start : start + _AT_ONCE]
                answers = await ledger.submit_many([Request(command, WHO) for _, command in part])
                for (row, _), answer in zip(part, answers, strict=True):
                    if answer.refusal is not None:
                        refused.append(RowError(row.line, answer.refusal.field or "on_hand", answer.refusal.message))
        finally:
            await ledger.close()
        progress("write", len(waiting), len(waiting))
        return refused

    return Plan(0, len(waiting), len(known), errors, write)


def _command(salt: str, product_id: str, given: object) -> SetStock:
    said = {name: value for name in _LEVELS if (value := getattr(given, name, UNSET)) is not UNSET}
    store_id: str = given.store_id  # type: ignore[attr-defined]  # the struct is made of the columns
    return SetStock(
        id=uuid5(_ROWS, f"{salt}/{store_id}/{product_id}"),
        store_id=store_id,
        product_id=product_id,
        quantity=given.on_hand,  # type: ignore[attr-defined]
        levels=LevelChanges(**said) if said else None,
        reason="import",
    )


async def _known(connection: AsyncConnection, ids: Sequence[UUID]) -> set[UUID]:
    known: set[UUID] = set()
    for start in range(0, len(ids), _IN_ONE_QUESTION):
        known.update(await connection.scalars(_KNOWN, {"ids": ids[start : start + _IN_ONE_QUESTION]}))
    return known
