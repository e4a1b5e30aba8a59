"""What replenishment reads: how fast products sell, and what open documents will bring and take."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import json
from sqlalchemy import bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import Instant, documents, stores
from backend.ledger.rows import document_of
from backend.model.demand import DEMAND_KINDS, Day, Demand, demand_of
from backend.model.orders import KIND as ORDER
from backend.model.orders import LIVE, Order
from backend.model.proposals import PROPOSAL, ProposalBody, ProposalStatus
from backend.model.stock import Key
from backend.model.transfers import BEFORE_SHIPPING, TRANSFER, TransferBody, TransferStatus

# A row's movements lie side by side in the order of their versions; those of each day are summed up, and what the shelf
# held before the first of them, at most, and after the last.
_DAYS = f"""
WITH moved AS (
    SELECT m.store_id, m.product_id, {{ago}} AS ago, m.kind, m.on_hand_change,
           m.on_hand - m.unavailable - m.allocated AS sellable,
           m.on_hand_change - m.unavailable_change - m.allocated_change AS change,
           row_number() OVER (PARTITION BY m.store_id, m.product_id, {{ago}} ORDER BY m.version) AS from_first,
           row_number() OVER (PARTITION BY m.store_id, m.product_id, {{ago}} ORDER BY m.version DESC) AS from_last
    FROM {{keys}}
    JOIN movements m ON m.store_id = k.store_id AND m.product_id = k.product_id AND {{at}} >= :since
)
SELECT store_id, product_id, ago,
       CAST(sum(CASE WHEN kind IN ({", ".join(f"'{kind}'" for kind in DEMAND_KINDS)}) THEN -on_hand_change ELSE 0 END)
            AS BIGINT) AS sold,
       max(CASE WHEN from_first = 1 THEN sellable - change END) AS opening,
       max(sellable) AS most,
       max(CASE WHEN from_last = 1 THEN sellable END) AS closing
FROM moved
GROUP BY store_id, product_id, ago
"""
_DIALECTS = {
    "postgresql": {
        "at": "m.at",
        "ago": "greatest(0, CAST(floor(extract(epoch FROM CAST(:now AS timestamptz) - m.at) / 86400) AS int))",
        "keys": "unnest(CAST(:stores AS text[]), CAST(:products AS text[])) k(store_id, product_id)",
    },
    "sqlite": {
        # The sign keeps SQLite from the index by moment, which would read what the whole store moved for each row.
        "at": "+m.at",
        "ago": "max(0, CAST(julianday(:now) - julianday(m.at) AS INTEGER))",
        "keys": "(SELECT value ->> 0 AS store_id, value ->> 1 AS product_id FROM json_each(:keys)) k",
    },
}
DAYS = {
    dialect: text(_DAYS.format(**parts)).bindparams(
        bindparam("since", type_=Instant()), bindparam("now", type_=Instant())
    )
    for dialect, parts in _DIALECTS.items()
}
"""The days on which some rows moved, by dialect: one statement for as many rows as are asked for."""

_OPEN = {TRANSFER.name: BEFORE_SHIPPING, PROPOSAL.name: (ProposalStatus.OPEN,), ORDER: LIVE}
# Store by store, as the index of the lists has them.
OPEN_DOCUMENTS = (
    select(documents)
    .join(stores, stores.c.id == documents.c.store_id)
    .where(documents.c.kind == bindparam("kind"), documents.c.status.in_(bindparam("statuses", expanding=True)))
)
"""The open documents of one kind, of all stores."""


class Open(NamedTuple):
    """Units that open documents will bring to each row, and those that they will take from it."""

    expected: dict[Key, int]
    owed: dict[Key, int]


async def demands(
    connection: AsyncConnection, keys: Sequence[Key], sellable: Sequence[int], now: datetime, window: int
) -> dict[Key, Demand]:
    """Returns how fast the products of these rows sell; `sellable` is what each of them has now."""
    asked: dict[str, object] = {"keys": json.encode(keys).decode()}
    if connection.dialect.name == "postgresql":
        asked = {"stores": [store_id for store_id, _ in keys], "products": [product_id for _, product_id in keys]}
    asked |= {"now": now, "since": now - timedelta(days=window)}
    days: defaultdict[Key, list[Day]] = defaultdict(list)
    for store_id, product_id, *numbers in await connection.execute(DAYS[connection.dialect.name], asked):
        days[store_id, product_id].append(Day(*numbers))
    return {key: demand_of(days[key], window, units) for key, units in zip(keys, sellable, strict=True)}


async def open_units(connection: AsyncConnection) -> Open:
    """Returns what will be brought and taken by transfers that have not left yet, proposals and orders, in all stores.

    An order takes what is on backorder: the rest of it is allocated already.
    """
    expected: defaultdict[Key, int] = defaultdict(int)
    owed: defaultdict[Key, int] = defaultdict(int)
    for kind, statuses in _OPEN.items():
        asked = {"kind": kind, "statuses": [str(status) for status in statuses]}
        for row in await connection.execute(OPEN_DOCUMENTS, asked):
            document = document_of(tuple(row))
            if kind == PROPOSAL.name:
                for wanted in document.read(ProposalBody).lines:
                    expected[document.store_id, wanted.product_id] += wanted.quantity
            elif kind == ORDER:
                for ordered in document.read(Order).lines:
                    owed[document.store_id, ordered.product_id] += ordered.left - ordered.allocated
            else:
                packed = document.status == TransferStatus.PACKED
                for line in document.read(TransferBody).lines:
                    expected[document.other_store_id, line.product_id] += line.packed if packed else line.quantity
                    if not packed:  # what is packed is allocated already
                        owed[document.store_id, line.product_id] += line.quantity
    return Open(expected, owed)
