"""Refilling a stream from the database: what it lost is told again, as the states are now.

Rows change while this goes on. So each page of stock is published and then looked at once more: a row that somebody has
changed meanwhile is told again, until what was told last is the newest.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from time import monotonic
from typing import Any

from msgspec import Struct, json
from nats.aio.client import Client
from sqlalchemy import ColumnElement, Row, Table, and_, func, select, tuple_

from backend.database.engine import Database
from backend.database.reads import reading
from backend.database.tables import reservations, sales, stock
from backend.model.answers import SaleRecord
from backend.model.events import Message
from backend.model.reservations import Reservation, Status
from backend.model.stock import StockRow
from backend.reservations.queries import hold_of

from .newest import newer_rows
from .streams import HISTORY
from .subjects import parts

PAGE = 500
_KEYS = {
    stock: (stock.c.store_id, stock.c.product_id),
    reservations: (reservations.c.store_id, reservations.c.id, reservations.c.product_id),
    sales: (sales.c.store_id, sales.c.id),
}


class Extent(Struct, frozen=True):
    """What to tell again: rows, holds and sales that changed at or after `since`, of one store if `store_id` names one.

    Without `since` it is every row of stock and every hold that is pending: all states there are. Sales have none.
    """

    since: datetime | None = None
    store_id: str | None = None

    def within(self, table: Table) -> ColumnElement[bool]:
        """Returns the condition on `table`."""
        moment = table.c.sold_at if table is sales else table.c.updated_at
        wanted = [] if self.store_id is None else [table.c.store_id == self.store_id]
        if self.since is not None:
            wanted.append(moment >= self.since)
        elif table is reservations:
            wanted.append(table.c.status == Status.PENDING.value)
        return and_(True, *wanted)


class Told(Struct):
    """What was told again, of `rows` in the database."""

    rows: int = 0
    stock: int = 0
    reservations: int = 0
    sales: int = 0
    messages: int = 0


async def republish(
    database: Database, client: Client, extent: Extent, *, rate: int, progress: Callable[[Told], None]
) -> Told:
    """Publish what is within `extent`, at most `rate` messages a second; `progress` is called after each page.

    Raises DatabaseAway and its like, and what JetStream raises; what was published until then stays so.
    """
    tables = [stock, reservations, *([sales] if extent.since else [])]
    told = Told(rows=sum([await _count(database, table, extent) for table in tables]))
    begun = monotonic()
    async for page in _pages(database, extent):
        for message in page:
            await _publish(client, message, told)
        rows = [row for message in page for row in message.stock]
        while rows:
            rows = await newer_rows(database, {(row.store_id, row.product_id): row.version for row in rows})
            for message in _stock_messages(rows):
                await _publish(client, message, told)
        told.stock += sum(len(message.stock) for message in page)
        told.reservations += sum(len(message.reservations) for message in page)
        told.sales += sum(len(message.sales) for message in page)
        progress(told)
        await asyncio.sleep(max(0.0, begun + told.messages / rate - monotonic()))
    return told


async def _publish(client: Client, message: Message, told: Told) -> None:
    """Publish the parts in order and wait until JetStream has the last one, and so all."""
    *before, last = parts(message)
    for subject, part in before:
        await client.publish(subject, json.encode(part))
    await client.jetstream().publish(last[0], json.encode(last[1]), stream=HISTORY)
    told.messages += len(before) + 1


async def _count(database: Database, table: Table, extent: Extent) -> int:
    async with reading(database, at_leisure=True) as connection:
        return await connection.scalar(select(func.count()).select_from(table).where(extent.within(table))) or 0


async def _pages(database: Database, extent: Extent) -> AsyncIterator[list[Message]]:
    async for rows in _rows(database, stock, extent):
        yield list(_stock_messages(_stock_row(row) for row in rows))
    cut: list[Row[Any]] = []  # of a hold whose rows go on in the next page
    async for rows in _rows(database, reservations, extent):
        holds = [list(lines) for _, lines in groupby([*cut, *rows], key=attrgetter("id"))]
        cut = holds.pop() if len(rows) == PAGE else []
        yield list(_hold_messages(hold_of(lines) for lines in holds))
    if cut:
        yield list(_hold_messages([hold_of(cut)]))
    if extent.since is not None:
        async for rows in _rows(database, sales, extent):
            yield list(_sale_messages(_sale(row) for row in rows))


async def _rows(database: Database, table: Table, extent: Extent) -> AsyncIterator[Sequence[Row[Any]]]:
    """Yields pages in the order of the key, each begun behind the last row of the one before."""
    key = tuple_(*_KEYS[table])
    query = select(table).where(extent.within(table)).order_by(*_KEYS[table]).limit(PAGE)
    page = query
    while True:
        async with reading(database, at_leisure=True) as connection:
            rows = (await connection.execute(page)).all()
        yield rows
        if len(rows) < PAGE:
            return
        page = query.where(key > tuple(getattr(rows[-1], column.name) for column in _KEYS[table]))


def _stock_row(row: Row[Any]) -> StockRow:
    return StockRow(*[getattr(row, name) for name in StockRow.__struct_fields__])


def _sale(row: Row[Any]) -> SaleRecord:
    return SaleRecord(*[getattr(row, name) for name in SaleRecord.__struct_fields__])


_store = attrgetter("store_id")


def _stock_messages(rows: Iterable[StockRow]) -> Iterator[Message]:
    for store_id, some in groupby(sorted(rows, key=_store), key=_store):
        yield Message(store_id, datetime.now(UTC), stock=tuple(some))


def _hold_messages(holds: Iterable[Reservation]) -> Iterator[Message]:
    for store_id, some in groupby(holds, key=_store):
        yield Message(store_id, datetime.now(UTC), reservations=tuple(some))


def _sale_messages(records: Iterable[SaleRecord]) -> Iterator[Message]:
    for store_id, some in groupby(records, key=_store):
        yield Message(store_id, datetime.now(UTC), sales=tuple(some))
