"""What the ledger says at the end of the month, and how it compares with what lies on the shelves."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from msgspec import Struct
from sqlalchemy import select

from backend.counts.shrinkage import GroupBy, shrinkage
from backend.database.engine import Database
from backend.database.tables import stock
from backend.model.stock import Key
from backend.model.verbs.write_off import VERB as WRITE_OFF

from .shelves import Balances, Shelves

_EVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)


class Unlike(Struct, frozen=True):
    """A number of the ledger that is not what the shelves say."""

    store_id: str
    product_id: str
    what: str
    expected: int
    found: int


async def unlike_shelves(db: Database, shelves: Shelves) -> list[Unlike]:
    """Returns every balance that is not what lies in the stores."""
    names = Balances.__struct_fields__
    columns = [stock.c[name] for name in names]
    async with db.engine.connect() as connection:
        rows = await connection.execute(select(stock.c.store_id, stock.c.product_id, *columns))
        found: dict[Key, Balances] = {(row[0], row[1]): Balances(*row[2:]) for row in rows}
    nothing, expected = Balances(0, 0, 0, 0, 0), shelves.balances()
    return [
        Unlike(*key, name, getattr(expected.get(key, nothing), name), getattr(found.get(key, nothing), name))
        for key in sorted(expected.keys() | found.keys())
        for name in names
        if getattr(expected.get(key, nothing), name) != getattr(found.get(key, nothing), name)
    ]


async def corrected(db: Database, stores: Iterable[str]) -> dict[Key, int]:
    """Returns by how many units the shrinkage report says that each product was corrected: less than 0 is missing.

    What was given up knowingly is left out: nobody had to find it.
    """
    async with db.engine.connect() as connection:
        return {
            (store, row.group): row.net
            for store in stores
            for row in await shrinkage(connection, [store], GroupBy.PRODUCT, *_EVER, but=(WRITE_OFF.name,))
            if row.net
        }


def unlike_injected(found: Mapping[Key, int], injected: Mapping[Key, int]) -> list[Unlike]:
    """Returns every product of which counts have found something else than what was injected."""
    return [
        Unlike(*key, "shrinkage", injected.get(key, 0), found.get(key, 0))
        for key in sorted(found.keys() | injected.keys())
        if found.get(key, 0) != injected.get(key, 0)
    ]


def missing(changes: Iterable[int]) -> int:
    """Returns the units that are missing, without those that were found."""
    return -sum(n for n in changes if n < 0)


def surplus(changes: Iterable[int]) -> int:
    """Returns the units that were found, without those that are missing."""
    return sum(n for n in changes if n > 0)
