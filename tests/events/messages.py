"""Messages as the ledger commits them, and the history of them that JetStream keeps."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import nats
from msgspec import json
from msgspec.structs import asdict
from sqlalchemy import func, insert, select, text

from backend.database import tables
from backend.database.engine import Database
from backend.database.tables import outbox
from backend.events.streams import HISTORY
from backend.ids import new_id
from backend.model.events import Message, Outgoing
from backend.model.stock import StockRow

LEFT_BEHIND = timedelta(minutes=1)
"""An age at which nobody but the sweep publishes a row any more."""


def some(number: int, store_id: str = "S1") -> list[Outgoing]:
    """Each tells of one row, so each is one message on NATS."""
    rows = [StockRow(store_id, f"P{n}", on_hand=n, version=1) for n in range(number)]
    return [outgoing(Message(store_id, datetime.now(UTC), stock=(row,))) for row in rows]


def outgoing(message: Message) -> Outgoing:
    return Outgoing(new_id(), message, json.encode(message))


async def commit(database: Database, messages: Iterable[Outgoing], age: timedelta = timedelta(0)) -> None:
    """Put rows into the outbox, committed `age` ago."""
    at = datetime.now(UTC) - age
    rows = [
        {"id": message.id, "store_id": message.store_id, "payload": message.payload.decode(), "created_at": at}
        for message in messages
    ]
    async with database.writer.begin() as connection:
        await connection.execute(insert(outbox), rows)


async def put_stock(database: Database, *rows: StockRow) -> None:
    """Stock that came about in some way, with its stores and products."""
    now = datetime.now(UTC)
    stores = [{"id": x, "name": x, "created_at": now} for x in {row.store_id for row in rows}]
    moments = {"created_at": now, "updated_at": now}
    products = [
        {"id": x, "sku": x, "name": x, "price_cents": 1, "search_text": x} | moments
        for x in {row.product_id for row in rows}
    ]
    async with database.writer.begin() as connection:
        await connection.execute(insert(tables.stores), stores)
        await connection.execute(insert(tables.products), products)
        await connection.execute(insert(tables.stock), [asdict(row) | {"updated_at": now} for row in rows])


async def holds(database: Database, number: int) -> bool:
    """Whether the outbox has so many rows."""
    async with database.engine.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(outbox))).scalar_one() == number


async def execute(database: Database, sql: str) -> None:
    async with database.writer.begin() as connection:
        await connection.execute(text(sql))


async def history(url: str, stream: str = HISTORY) -> list[tuple[str, str, Message]]:
    """(Nats-Msg-Id or "", subject, content) of each message that the stream has, in its order."""
    client = await nats.connect(url)
    try:
        jetstream = client.jetstream()
        number = (await jetstream.stream_info(stream)).state.messages
        subscription = await jetstream.subscribe("inventory.>", stream=stream, ordered_consumer=True)
        found = [await subscription.next_msg(timeout=10) for _ in range(number)]
    finally:
        await client.close()
    return [((x.headers or {}).get("Nats-Msg-Id", ""), x.subject, json.decode(x.data, type=Message)) for x in found]
