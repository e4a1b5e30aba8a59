"""What each store was told of its products that run out: looked at again when their stock has moved."""

from collections.abc import Collection
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter

from msgspec import json, structs
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.engine import Database
from backend.database.tables import outbox
from backend.ids import new_id
from backend.model.alerts import Alert, AlertState, is_on_its_way, judge
from backend.model.events import Message, Outgoing
from backend.model.stock import Key

_LOOK = """
SELECT s.store_id, s.product_id, coalesce(a.state, 'ok'), s.on_hand - s.unavailable - s.allocated - s.reserved,
       l.reorder_point, l.min_level, s.version, s.incoming, coalesce(a.on_its_way, false)
FROM {keys}
JOIN levels l ON l.store_id = k.store_id AND l.product_id = k.product_id
JOIN stock s ON s.store_id = k.store_id AND s.product_id = k.product_id
LEFT JOIN alerts a ON a.store_id = k.store_id AND a.product_id = k.product_id
"""
_KEYS = {
    "postgresql": "unnest(CAST(:stores AS text[]), CAST(:products AS text[])) k(store_id, product_id)",
    "sqlite": "(SELECT value ->> 0 AS store_id, value ->> 1 AS product_id FROM json_each(:keys)) k",
}
LOOK = {dialect: text(_LOOK.format(keys=keys)) for dialect, keys in _KEYS.items()}

# Only while the row is what was judged, and only once: whoever moved it looks too, and so does every server.
_KEEP = text("""
INSERT INTO alerts (store_id, product_id, state, on_its_way, version, at)
SELECT store_id, product_id, :state, :on_its_way, version, updated_at FROM stock
WHERE store_id = :store_id AND product_id = :product_id AND version = :version
ON CONFLICT (store_id, product_id) DO UPDATE
    SET state = excluded.state, on_its_way = excluded.on_its_way, version = excluded.version, at = excluded.at
WHERE alerts.version < excluded.version
""")


async def look(db: Database, keys: Collection[Key]) -> list[Outgoing]:
    """Judge these rows; what their stores are to be told, in the outbox already. Mostly nothing, and then one read."""
    changed = await _changed(db, keys) if keys else []
    if not changed:
        return []
    async with db.writer.begin() as connection:
        told = [alert for alert in changed if await _keep(connection, alert)]
        outgoing = [_outgoing(store_id, tuple(alerts)) for store_id, alerts in groupby(told, attrgetter("store_id"))]
        for one in outgoing:
            row = {"id": one.id, "store_id": one.store_id, "payload": one.payload.decode()}
            await connection.execute(insert(outbox).values(created_at=one.message.at, **row))
    return outgoing


async def _changed(db: Database, keys: Collection[Key]) -> list[Alert]:
    """Returns the rows whose state is another now, by their keys: in one order, so that two servers never deadlock."""
    asked: dict[str, object] = {"keys": json.encode(list(keys)).decode()}
    if db.dialect == "postgresql":
        asked = {"stores": [store_id for store_id, _ in keys], "products": [product_id for _, product_id in keys]}
    changed = []
    async with db.engine.connect() as connection:
        for store_id, product_id, known, available, point, least, version, incoming, coming in await connection.execute(
            LOOK[db.dialect], asked
        ):
            state = judge(AlertState(known), available, point, least)
            comes = is_on_its_way(state == known and bool(coming), state, available + incoming, point, least)
            if (state, comes) != (known, bool(coming)):
                numbers = (available, point, least, version, incoming)
                changed.append(Alert(store_id, product_id, state, *numbers, comes))
    return sorted(changed, key=attrgetter("store_id", "product_id"))


async def _keep(connection: AsyncConnection, alert: Alert) -> bool:
    return (await connection.execute(_KEEP, structs.asdict(alert))).rowcount == 1


def _outgoing(store_id: str, alerts: tuple[Alert, ...]) -> Outgoing:
    message = Message(store_id, datetime.now(UTC), alerts=alerts)
    return Outgoing(new_id(), message, json.encode(message))
