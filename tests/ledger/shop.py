"""A small shop for the ledger's tests: two stores, three products, and the shortest way to say a command."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import insert, select, update

from backend.database import tables
from backend.database.engine import Database
from backend.ids import new_id
from backend.ledger.lanes import Ledger, open_ledger
from backend.model.answers import Answer, Code
from backend.model.books import Request
from backend.model.commands import Cancel, Command, Confirm, Extend, Line, Receive, Reserve, SaleLine, Sell
from backend.model.events import Outgoing
from backend.model.stock import Who

STORES = ("292", "304")
PRODUCTS = ("tea", "jam", "milk")
ANA = Who("ana", "T1")


async def open_shop(database: Database) -> None:
    """Create the stores and the products; nothing is in stock."""
    now = datetime.now(UTC)
    async with database.writer.begin() as connection:
        await connection.execute(insert(tables.stores), [{"id": s, "name": s, "created_at": now} for s in STORES])
        products = [
            {"id": p, "sku": p, "name": p, "price_cents": 100, "search_text": p, "created_at": now, "updated_at": now}
            for p in PRODUCTS
        ]
        await connection.execute(insert(tables.products), products)


@asynccontextmanager
async def running_ledger(database: Database, published: list[Outgoing] | None = None) -> AsyncIterator[Ledger]:
    """A started ledger on `database`, drained at the end; what it publishes is added to `published`."""
    ledger = open_ledger(database, (published if published is not None else []).extend)
    await ledger.start()
    try:
        yield ledger
    finally:
        await ledger.close()


def request(command: Command, who: Who = ANA) -> Request:
    return Request(command, who)


def receive(store_id: str = "292", **units: int) -> Request:
    lines = tuple(Line(product, n) for product, n in units.items())
    return request(Receive(id=new_id(), store_id=store_id, lines=lines))


def reserve(store_id: str = "292", ttl: int = 900, id_: UUID | None = None, **units: int) -> Request:
    lines = tuple(Line(product, n) for product, n in units.items())
    return request(Reserve(id=id_ or new_id(), store_id=store_id, lines=lines, ttl_seconds=ttl))


def sell(*holds: UUID, store: str = "292", receipt: str = "", **units: int) -> Request:
    lines = tuple(SaleLine(product, n, 100) for product, n in units.items())
    return request(Sell(id=new_id(), store_id=store, lines=lines, holds=holds, receipt_number=receipt))


def confirm(hold: UUID, store_id: str = "292") -> Request:
    return request(Confirm(id=new_id(), store_id=store_id, reservation_id=hold))


def cancel(hold: UUID, store_id: str = "292") -> Request:
    return request(Cancel(id=new_id(), store_id=store_id, reservation_id=hold))


def extend(hold: UUID, ttl: int, store_id: str = "292") -> Request:
    return request(Extend(id=new_id(), store_id=store_id, reservation_id=hold, ttl_seconds=ttl))


def codes(answers: Sequence[Answer]) -> list[Code | None]:
    return [answer.refusal.code if answer.refusal else None for answer in answers]


async def counters(database: Database, product_id: str, store_id: str = "292") -> tuple[int, int, int]:
    """(on_hand, reserved, version) as stored."""
    stock = tables.stock.c
    query = select(stock.on_hand, stock.reserved, stock.version)
    async with database.engine.connect() as connection:
        row = (await connection.execute(query.where(stock.store_id == store_id, stock.product_id == product_id))).one()
        return row.on_hand, row.reserved, row.version


async def bury(database: Database, *holds: UUID) -> None:
    """Make it as if the holds' deadlines had passed while nobody looked."""
    held = tables.reservations
    past = update(held).where(held.c.id.in_(holds)).values(expires_at=held.c.created_at)
    async with database.writer.begin() as connection:
        await connection.execute(past)
