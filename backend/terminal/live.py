"""Live stock: the newest known state of every product on this terminal's screen, and how sure we may be of it.

A core NATS subscription carries changes. Whatever it missed is fetched over HTTP whenever it (re)connects, and only
newer versions are taken in, so order, duplicates and losses of events are harmless.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from backend.model.errors import MostradorError
from backend.model.stock import Key, StockRow

from .api import Api
from .listener import Link as Link
from .listener import Listener
from .values import LiveAddress, Session, StoreStock

if TYPE_CHECKING:
    from nats.aio.msg import Msg

WATCHED = 64
"""Products kept up to date: those on the screen and the last ones before them."""
MAX_SUBJECTS = 90
"""Stores listened to. Stores beyond are as of the last fetch."""


class _Change(Struct):
    """The part of backend.model.events.Message that is shown; the rest is skipped, not decoded."""

    stock: tuple[StockRow, ...] = ()


class Seen(Struct, frozen=True):
    """A stock row and when (monotonic seconds) it was certainly true."""

    row: StockRow
    at: float


class StockView:
    """(store, product) → its newest known row, for the products being watched."""

    def __init__(self, now: float = 0.0) -> None:
        self.seen: dict[Key, Seen] = {}
        self.fresh_at = now
        """When all watched numbers were last known to be current."""
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

    def take(self, rows: Iterable[StockRow], now: float) -> set[str]:
        """Take in rows of watched products that are not older than what is known. Returns the products that changed."""
        changed = set()
        for row in rows:
            stores = self._watched.get(row.product_id)
            if stores is None:
                continue
            key = row.store_id, row.product_id
            known = self.seen.get(key)
            if known is not None and known.row.version > row.version:
                continue
            self.seen[key] = Seen(row, now)
            stores.add(row.store_id)
            if known is None or known.row != row:
                changed.add(row.product_id)
        return changed

    def row(self, store_id: str, product_id: str) -> StockRow | None:
        """Returns the newest known row."""
        known = self.seen.get((store_id, product_id))
        return known.row if known else None

    def elsewhere(self, store_id: str, product_id: str) -> list[StockRow]:
        """Returns the product's rows in all other stores, the most available first."""
        rows = [self.seen[s, product_id].row for s in self._watched.get(product_id, ()) if s != store_id]
        return sorted(rows, key=lambda row: (-row.available, row.store_id))

    def age(self, store_id: str, product_id: str, now: float) -> float:
        """Seconds since this number was certainly true. Only meaningful while the link is not online."""
        known = self.seen.get((store_id, product_id))
        return now - max(known.at, self.fresh_at) if known else 0.0


class Live(Listener):
    """Keeps `view` current for a session while `run` runs. `changed` is set whenever something is to be redrawn."""

    def __init__(self, api: Api, session: Session, terminal_id: str, clock: Callable[[], float] = monotonic) -> None:
        super().__init__(api, session, terminal_id)
        self.view = StockView(clock())
        self._clock = clock
        self._dirty: set[str] = set()
        self._fetching: dict[str, asyncio.Task[None]] = {}
        self._decode = msgspec.json.Decoder(_Change)

    def take_changed(self) -> set[str]:
        """Returns the products whose numbers changed since the last call."""
        self.changed.clear()
        dirty, self._dirty = self._dirty, set()
        return dirty

    def take(self, rows: Iterable[StockRow]) -> None:
        """Take in rows that an answer or an event carried."""
        dirty = self.view.take(rows, self._clock())
        if dirty:
            self._dirty |= dirty
            self.changed.set()

    async def watch(self, product_ids: Iterable[str]) -> None:
        """Keep these products current; returns when their numbers in all stores are there (or the server is away)."""
        for product_id in product_ids:
            if self.view.watch(product_id) and product_id not in self._fetching:
                task = asyncio.create_task(self._fetch(product_id))
                self._fetching[product_id] = task
                task.add_done_callback(lambda _, done=product_id: self._fetching.pop(done, None))  # type: ignore[misc]
        wanted = [self._fetching[x] for x in product_ids if x in self._fetching]
        if wanted:
            await asyncio.wait(wanted)

    async def _fetch(self, product_id: str) -> None:
        with suppress(MostradorError):  # the number stays unknown; it is fetched again with the next connection
            self._took(await self._api.stock_everywhere(product_id))

    def _took(self, rows: Iterable[StoreStock]) -> None:
        self.take([x.row for x in rows])

    def _subjects(self, address: LiveAddress) -> Sequence[str]:
        own = self._session.store_id
        others = [f"inventory.{store.id}.>" for store in self._session.stores if store.id != own]
        return [address.subject, *others[: MAX_SUBJECTS - 1]]

    async def _on_message(self, message: "Msg") -> None:
        with suppress(msgspec.MsgspecError):  # a newer server's event; the numbers are refetched with each connection
            self.take(self._decode.decode(message.data).stock)

    async def _catch_up(self, *, listening: bool) -> None:
        """Fetch all watched products, eight at a time. Raises what the first failing call raises."""
        products = iter(self.view.watched)

        async def some() -> None:
            for product_id in products:
                self._took(await self._api.stock_everywhere(product_id))

        await asyncio.gather(*(some() for _ in range(8)))
        self._confirm()

    def _confirm(self) -> None:
        if not self.is_doubted():
            self.view.fresh_at = self._clock()
