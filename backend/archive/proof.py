"""The proof over archived movements: their files, folded in order, add up to the openings that replaced them."""

import gzip
from collections.abc import Iterator
from pathlib import Path

from msgspec import json
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.engine import Database
from backend.database.errors import translated
from backend.database.tables import archives, openings
from backend.model.errors import InvalidInput
from backend.model.stock import BALANCES, Key, Movement
from backend.proof.drifts import Drift

from .months import sha256_of

_COUNTERS = ("version", "on_hand", "unavailable", "allocated", "reserved", "incoming", "sold")


class _Balance:
    """The fold of one stock row; the numbers that its last movement states and those that the changes add up to."""

    __slots__ = ("last", "sold", "sums")

    def __init__(self) -> None:
        self.last: Movement | None = None
        self.sold = 0
        self.sums = dict.fromkeys(BALANCES, 0)

    def add(self, m: Movement) -> Iterator[Drift]:
        version = self.last.version if self.last else 0
        for name in BALANCES:
            self.sums[name] += getattr(m, f"{name}_change")
        if m.kind == "sell":
            self.sold -= m.on_hand_change
        self.last = m
        for what, expected, found in (
            ("version of archived movement", version + 1, m.version),
            *[(f"{name} after archived movement {m.version}", self.sums[name], getattr(m, name)) for name in BALANCES],
        ):
            if expected != found:
                yield Drift(m.store_id, m.product_id, what, expected, found)

    def number(self, name: str) -> int:
        if name == "sold":
            return self.sold
        value = getattr(self.last, name) if self.last else 0
        assert isinstance(value, int)
        return value


async def prove_archives(db: Database, directory: Path) -> tuple[Drift, ...]:
    """Returns every difference between the openings and what the archived files in `directory` add up to.

    Raises InvalidInput when a file is missing or is not the one that was written, and DatabaseAway and its like.
    """
    with translated(db.url):
        async with db.snapshot.connect() as connection:
            return await _prove(connection, directory)


async def _prove(connection: AsyncConnection, directory: Path) -> tuple[Drift, ...]:
    balances: dict[Key, _Balance] = {}
    drifts: list[Drift] = []
    for row in await connection.execute(select(archives).order_by(archives.c.until)):
        path = directory / row.file_name
        if not path.is_file() or sha256_of(path) != row.sha256:
            raise InvalidInput("archives", f"{path} is missing or changed; point --archives at the files as written.")
        with gzip.open(path, "rb") as lines:
            for line in lines:
                movement = json.decode(line, type=Movement)
                drifts += balances.setdefault((movement.store_id, movement.product_id), _Balance()).add(movement)
    for row in await connection.execute(select(openings)):
        balance = balances.pop((row.store_id, row.product_id), _Balance())
        for name in _COUNTERS:
            if balance.number(name) != getattr(row, name):
                what = f"opening {name} after the archives"
                drifts.append(Drift(row.store_id, row.product_id, what, balance.number(name), getattr(row, name)))
    drifts += [Drift(store, product, "opening of archived movements", 1, 0) for store, product in balances]
    return tuple(drifts)
