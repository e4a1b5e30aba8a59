"""Judges the prices of sales before they reach the ledger, whose batches never wait for it.

Today's prices are read for all who ask at once, and kept in memory for a while. That cannot let a wrong price pass:
one that was the catalogue's a minute ago is still good (see `backend.model.prices`). A price that is not the one in
memory is judged by the database.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from backend.auth.tokens import Claims
from backend.catalogue.price_lists import prices_at, recent_prices_at
from backend.database.dataloader import Dataloader
from backend.database.engine import Database
from backend.database.reads import reading
from backend.model.answers import Refusal
from backend.model.commands import Command
from backend.model.prices import OLD_PRICE_GOOD_FOR, other_prices, price_refusal
from backend.model.scopes import Scope
from backend.model.stock import Key
from backend.model.unit_price import UnitPrice
from backend.model.verbs.sell import Sell

KEPT_SECONDS = 60.0
KEPT_PRODUCTS = 100_000
"""More than a chain's catalogue has that sells."""
READ_AT_ONCE = 500


class Pricing:
    """Knows the prices that products may be sold at."""

    def __init__(self, db: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._db, self._clock = db, clock
        self._kept: dict[Key, tuple[UnitPrice, float]] = {}
        """Store and product → its price, and until when it is kept."""
        self._reads: Dataloader[Key, UnitPrice] = Dataloader(self._read)

    async def objections(
        self, commands: Mapping[int, Command], claims: Claims, field: str = "price_cents"
    ) -> dict[int, Refusal]:
        """Returns the refusals of those sales that the caller may not make at their prices, by their keys.

        `field` is what the caller calls the price of a line. Raises DatabaseAway and its like.
        """
        sales = {index: command for index, command in commands.items() if isinstance(command, Sell)}
        may_override = Scope.PRICES_OVERRIDE in claims.scopes
        doubted = {i: x for i, x in sales.items() if not (may_override and x.price_reason) and self._doubts(x)}
        if not doubted:
            return {}
        sold = {(sale.store_id, line.product_id) for sale in doubted.values() for line in sale.lines}
        today = await self._today(sold)
        good: dict[str, dict[str, list[UnitPrice]]] = {sale.store_id: {} for sale in doubted.values()}
        for (store_id, product_id), price in today.items():
            good[store_id][product_id] = [price]
        wrong = {
            (sale.store_id, x.product_id) for sale in doubted.values() for x in other_prices(sale, good[sale.store_id])
        }
        if wrong:
            for (store_id, product_id), price in await self._former(wrong):
                good[store_id][product_id].append(price)
        return {
            index: price_refusal(other, may_override=may_override, field=field)
            for index, sale in doubted.items()
            if (other := tuple(other_prices(sale, good[sale.store_id])))
        }

    def _doubts(self, sale: Sell) -> bool:
        """Returns whether a line has another price than the one that is kept here."""
        now = self._clock()
        for line in sale.lines:
            price, until = self._kept.get((sale.store_id, line.product_id), (None, 0.0))
            if until <= now or price != line.price:
                return True
        return False

    async def _today(self, keys: Collection[Key]) -> dict[Key, UnitPrice]:
        asked_at = self._clock()
        prices = await asyncio.gather(*[self._reads.get(key) for key in keys])
        today = {key: price for key, price in zip(keys, prices, strict=True) if price is not None}
        if len(self._kept) + len(today) > KEPT_PRODUCTS:
            self._kept.clear()  # rare, and costs one read per product that sells
        self._kept.update({key: (price, asked_at + KEPT_SECONDS) for key, price in today.items()})
        return today

    async def _read(self, keys: Sequence[Key]) -> Mapping[Key, UnitPrice]:
        found: dict[Key, UnitPrice] = {}
        async with reading(self._db) as connection:
            for part in batched(keys, READ_AT_ONCE):
                found |= await prices_at(connection, part)
        return found

    async def _former(self, keys: Collection[Key]) -> list[tuple[Key, UnitPrice]]:
        found: list[tuple[Key, UnitPrice]] = []
        async with reading(self._db) as connection:
            for part in batched(keys, READ_AT_ONCE):
                found += await recent_prices_at(connection, part, OLD_PRICE_GOOD_FOR)
        return found


Item = TypeVar("Item")


def batched(items: Iterable[Item], size: int) -> Iterator[tuple[Item, ...]]:
    """Yields `items` in parts of at most `size`; Python 3.11 has no itertools.batched."""
    rest = iter(items)
    while part := tuple(islice(rest, size)):
        yield part
