"""Messages as the ledger commits them, and the history of them that JetStream keeps."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import nats
from nats.aio.client import Client
from sqlalchemy import func, insert, select, text

from backend.database import Database
from backend.events.streams import INVENTORY
from backend.ids import new_id
from backend.model.events import Outgoing
from backend.tables import outbox

LEFT_BEHIND = timedelta(minutes=1)
"""An age at which nobody but the sweep publishes a row any more."""


def some(number: int, store_id: str = "S1") -> list[Outgoing]:
    return [Outgoing(new_id(), store_id, f'{{"number":{n}}}'.encode()) for n in range(number)]


async def commit(database: Database, messages: Iterable[Outgoing], age: timedelta = timedelta(0)) -> None:
    """Put rows into the outbox, committed `age` ago."""
    at = datetime.now(UTC) - age
    rows = [
        {"id": message.id, "store_id": message.store_id, "payload": message.payload.decode(), "created_at": at}
        for message in messages
    ]
    async with database.writer.begin() as connection:
        await connection.execute(insert(outbox), rows)


async def holds(database: Database, number: int) -> bool:
    """Whether the outbox has so many rows."""
    async with database.engine.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(outbox))).scalar_one() == number


async def execute(database: Database, sql: str) -> None:
    async with database.writer.begin() as connection:
        await connection.execute(text(sql))


async def history(url: str) -> list[tuple[UUID, str, bytes]]:
    """(id, subject, payload) of each message that the stream has, in its order."""
    client = await nats.connect(url)
    try:
        return await _history(client)
    finally:
        await client.close()


async def _history(client: Client) -> list[tuple[UUID, str, bytes]]:
    jetstream = client.jetstream()
    number = (await jetstream.stream_info(INVENTORY)).state.messages
    subscription = await jetstream.subscribe("inventory.>", stream=INVENTORY, ordered_consumer=True)
    found = [await subscription.next_msg(timeout=10) for _ in range(number)]
    return [(UUID((message.headers or {})["Nats-Msg-Id"]), message.subject, message.data) for message in found]
