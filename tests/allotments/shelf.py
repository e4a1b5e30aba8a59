"""Orders about allotments, for tests of the rule book and of the ledger."""

from uuid import UUID

from msgspec import UNSET
from sqlalchemy import select

from backend.database import tables
from backend.database.engine import Database
from backend.ids import new_id
from backend.model.allotments import Draw
from backend.model.books import Request
from backend.model.commands import SaleLine
from backend.model.stock import Who
from backend.model.verbs.allot import Allot
from backend.model.verbs.allot_reclaim import AllotReclaim
from backend.model.verbs.allot_release import AllotRelease
from backend.model.verbs.sell import Sell

ANA, LUIS, EVA = Who("ana", "T1"), Who("luis", "T2"), Who("eva", "T3")


def allot(quantity: int, former: UUID | None = None, who: Who = ANA, store: str = "292", ttl: int = 900) -> Request:
    """Asks for units of tea, or for another number of those that `former` has."""
    command = Allot(
        id=new_id(), store_id=store, product_id="tea", quantity=quantity, allotment_id=former, ttl_seconds=ttl
    )
    return Request(command, who)


def release(allotment: UUID, who: Who = ANA, store: str = "292") -> Request:
    return Request(AllotRelease(id=new_id(), store_id=store, allotment_id=allotment), who)


def reclaim(allotment: UUID, who: Who = EVA, store: str = "292") -> Request:
    command = AllotReclaim(id=new_id(), store_id=store, allotment_id=allotment, reason="till is broken")
    return Request(command, who)


def draw(allotment: UUID, units: int, drawn: int | None = None, who: Who = ANA, store: str = "292") -> Request:
    """Sells units of tea, all of them or `drawn` out of the allotment."""
    taken = units if drawn is None else drawn
    draws = (Draw(allotment, "tea", taken),) if taken else UNSET
    return Request(Sell(id=new_id(), store_id=store, lines=(SaleLine("tea", units, 100),), draws=draws), who)


async def kept(database: Database, allotment: UUID) -> tuple[str, int]:
    """The status of an allotment as it is stored, and the units that it still keeps."""
    held = tables.reservations.c
    async with database.engine.connect() as connection:
        row = (await connection.execute(select(held.status, held.quantity).where(held.id == allotment))).one()
    return row.status, row.quantity if row.status == "PENDING" else 0


async def drawn(database: Database, allotment: UUID) -> list[int]:
    """The units that sales have taken out of an allotment, in their order."""
    row = tables.draws.c
    statement = select(row.quantity).where(row.allotment_id == allotment).order_by(row.sale_id)
    async with database.engine.connect() as connection:
        return list(await connection.scalars(statement))
