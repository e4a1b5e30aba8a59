"""The numbers on the screen: this store's from the terminal's copy, other stores' as they were heard or asked for.

What is on the screen is kept in memory, so that drawing waits for nothing. The copy follows the server (`cache.sync`),
and the one connection that it listens with brings the other stores' changes too.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from backend.model.errors import MostradorError
from backend.model.recalls import Recall
from backend.model.stock import Key, StockRow

from .api import Api
from .cache.cache import Cache
from .cache.heard import Told
from .cache.sync import Sync
from .listener import Link as Link
from .values import LiveAddress, Session

if TYPE_CHECKING:
    from nats.aio.msg import Msg

WATCHED = 64
"""Products kept in memory: those on the screen and the last ones before them."""
MAX_SUBJECTS = 90
"""Stores listened to. Stores beyond are as of the last fetch."""


class _Recalls(Struct):
    """The part of an event that asks terminals to give back units that they keep."""

    recalls: tuple[Recall, ...] = ()


class StockView:
    """(store, product) → its newest known row, for the products being watched."""

    def __init__(self) -> None:
        self.seen: dict[Key, StockRow] = {}
        self._watched: dict[str, set[str]] = {}

    @property
    def watched(self) -> list[str]:
        """Product ids, the longest unused first."""
        return list(self._watched)

    def watch(self, product_id: str) -> bool:
        """Keep this product's rows from now on. Returns whether it was not watched before; the oldest makes room."""
        stores = self._watched.pop(product_id, None)
        self._watched[product_id] = stores if stores is not None else set()
        if len(self._watched) > WATCHED:
            oldest = next(iter(self._watched))
            for store_id in self._watched.pop(oldest):
                del self.seen[store_id, oldest]
        return stores is None

    def take(self, rows: Iterable[StockRow], *, is_sure: bool = False) -> set[str]:
        """Take in rows of watched products that are not older than what is known, or whichever if that `is_sure`.

        Returns the products that changed.
        """
        changed = set()
        for row in rows:
            stores = self._watched.get(row.product_id)
            if stores is None:
                continue
            key = row.store_id, row.product_id
            known = self.seen.get(key)
            if known is not None and known.version > row.version and not is_sure:
                continue
            self.seen[key] = row
            stores.add(row.store_id)
            if known != row:
                changed.add(row.product_id)
        return changed

    def row(self, store_id: str, product_id: str) -> StockRow | None:
        """Returns the newest known row."""
        return self.seen.get((store_id, product_id))

    def elsewhere(self, store_id: str, product_id: str) -> list[StockRow]:
        """Returns the product's rows in all other stores, the most available first."""
        rows = [self.seen[s, product_id] for s in self._watched.get(product_id, ()) if s != store_id]
        return sorted(rows, key=lambda row: (-row.available, row.store_id))


class Live(Sync):
    """Keeps the copy and `view` current while `run` runs. `changed` is set whenever something is to be redrawn."""

    def __init__(
        self, cache: Cache, api: Api, session: Session, terminal_id: str, clock: Callable[[], float] = monotonic
    ) -> None:
        super().__init__(cache, api, session, terminal_id)
        self.view = StockView()
        self.recalled: Callable[[Recall], None] = lambda _: None
        """Called when this terminal is asked to give back units that it keeps."""
        self._opened_at, self._time = clock(), clock
        self._dirty: set[str] = set()
        self._fetching: dict[str, asyncio.Task[None]] = {}
        self._recalls = msgspec.json.Decoder(_Recalls)

    @property
    def stale_for(self) -> float:
        """Seconds since all numbers were certainly current, or since the start if they never were."""
        known = self.cache.freshness.unsure_for
        return self._time() - self._opened_at if known is None else known

    def take_changed(self) -> set[str]:
        """Returns the products whose numbers changed since the last call."""
        self.changed.clear()
        dirty, self._dirty = self._dirty, set()
        return dirty

    def take(self, rows: Sequence[StockRow]) -> None:
        """Take in rows that an answer carried."""
        super().take(rows)
        self._show(self.view.take(rows))

    def _show(self, dirty: set[str]) -> None:
        if dirty:
            self._dirty |= dirty
            self.changed.set()

    async def watch(self, product_ids: Iterable[str]) -> None:
        """Keep these products in memory and current.

        The copy's numbers are there at once. It returns when those of all stores are (or the server is away).
        """
        wanted = list(dict.fromkeys(product_ids))
        new = [product_id for product_id in wanted if self.view.watch(product_id)]
        for product_id in new:
            if product_id not in self._fetching:
                task = asyncio.create_task(self._fetch(product_id))
                self._fetching[product_id] = task
                task.add_done_callback(lambda _, done=product_id: self._fetching.pop(done, None))  # type: ignore[misc]
        if new:
            with suppress(MostradorError):  # the copy cannot be read; the server may still say
                numbers = await self.cache.stock_of(new)
                self._show(self.view.take([x.row for x in numbers.values() if x.age is not None]))
        tasks = [self._fetching[x] for x in wanted if x in self._fetching]
        if tasks:
            await asyncio.wait(tasks)

    async def _fetch(self, product_id: str) -> None:
        with suppress(MostradorError):  # the number stays as the copy has it; it is fetched with the next connection
            self.take([x.row for x in await self._api.stock_everywhere(product_id)])

    async def run(self) -> None:
        """Keep everything current until cancelled. Raises SessionEnded."""
        following = asyncio.create_task(self._follow(), name="view-follow")
        try:
            await super().run()
        finally:
            following.cancel()
            await asyncio.wait([following])

    async def _follow(self) -> None:
        """Take over what changes in the copy, however it came there."""
        while True:
            await self.cache.changed.wait()
            dirty = self.cache.take_changed().intersection(self.view.watched)
            with suppress(MostradorError):
                numbers = await self.cache.stock_of(dirty) if dirty else {}
                self._show(self.view.take([x.row for x in numbers.values()], is_sure=True))

    def _subjects(self, address: LiveAddress) -> Sequence[str]:
        own = self._session.store_id
        others = [f"inventory.{store.id}.>" for store in self._session.stores if store.id != own]
        return [address.subject, *others[: MAX_SUBJECTS - 1]]

    async def _on_message(self, message: "Msg") -> None:
        await super()._on_message(message)
        if b'"recalls"' in message.data:
            with suppress(msgspec.MsgspecError):
                for recall in self._recalls.decode(message.data).recalls:
                    if recall.terminal_id == self._terminal_id:
                        self.recalled(recall)

    def _took(self, told: Told) -> None:
        super()._took(told)
        self._show(self.view.take([row for row, _, _ in told.rows()]))

    async def _catch_up(self, *, listening: bool) -> None:
        """Besides the copy, fetch all watched products, eight at a time. Raises what the first failing call raises."""
        await super()._catch_up(listening=listening)
        products = iter(self.view.watched)

        async def some() -> None:
            for product_id in products:
                self.take([x.row for x in await self._api.stock_everywhere(product_id)])

        await asyncio.gather(*(some() for _ in range(8)))
        self._confirm()
