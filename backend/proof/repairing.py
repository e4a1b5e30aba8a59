"""Posts the corrections that a proof proposed, in the name of an admin."""

from collections.abc import Sequence

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.roles import ScopeMissing
from backend.database.engine import Database
from backend.database.reads import reading
from backend.database.tables import stock
from backend.ids import new_id
from backend.ledger.lanes import open_ledger
from backend.model.answers import Answer
from backend.model.books import Request
from backend.model.errors import InvalidInput
from backend.model.stock import Key, Who
from backend.model.verbs.repair import Repair
from backend.people.queries import find_user

from .repairs import Proposal

_PART = 400


async def require_admin(db: Database, name: str) -> Who:
    """Returns the admin of this name as who sends commands. Raises InvalidInput or ScopeMissing."""
    async with reading(db) as connection:
        user = await find_user(connection, name)
    if user is None:
        raise InvalidInput("as", f"There is nobody called {name}; name an admin of this shop.")
    if user.role != "admin":
        raise ScopeMissing(f"{name} is a {user.role}; only an admin repairs stock.")
    return Who(user.name)


async def post_repairs(db: Database, proposals: Sequence[Proposal], who: Who) -> list[Answer]:
    """Correct the rows and return the ledger's answers, in the order of `proposals`.

    What a counter differs by stays the same while the shop goes on, since every movement changes both sides alike; the
    version keeps two who repair the same row from doing it twice.
    """
    async with reading(db) as connection:
        versions = await _versions(connection, [proposal.key for proposal in proposals])
    ledger = open_ledger(db, lambda _: None)
    await ledger.start()
    try:
        return await ledger.submit_many(
            [
                Request(
                    Repair(
                        id=new_id(),
                        store_id=proposal.store_id,
                        product_id=proposal.product_id,
                        expected_version=versions.get(proposal.key, 0),
                        drifted=proposal.drifted,
                        correction=proposal.correction,
                        reason=proposal.why,
                    ),
                    who,
                )
                for proposal in proposals
            ]
        )
    finally:
        await ledger.close()


async def _versions(connection: AsyncConnection, keys: Sequence[Key]) -> dict[Key, int]:
    found: dict[Key, int] = {}
    for start in range(0, len(keys), _PART):
        part = keys[start : start + _PART]
        query = select(stock.c.store_id, stock.c.product_id, stock.c.version)
        rows = await connection.execute(query.where(tuple_(stock.c.store_id, stock.c.product_id).in_(part)))
        found |= {(row.store_id, row.product_id): row.version for row in rows}
    return found
