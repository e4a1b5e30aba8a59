"""Live stock: the newest known state of every product on this terminal's screen, and how sure we may be of it.

A core NATS subscription carries changes. Whatever it missed is fetched over HTTP whenever it (re)connects, and only
newer versions are taken in, so order, duplicates and losses of events are harmless. NATS is imported in a thread when
it is first needed: the first screen does not wait for it.
"""

import asyncio
import importlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import StrEnum
from time import monotonic
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from backend.model.errors import MostradorError
from backend.model.stock import Key, StockRow
from backend.trust import client_context

from .api import Api, ServerAway, ServerRefused, SessionEnded
from .values import LiveAddress, Session, StoreStock

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

WATCHED = 64
"""Products kept up to date: those on the screen and the last ones before them."""
PAUSES = (0.25, 0.5, 1, 2, 4, 8)
"""Seconds before each new attempt to connect; the last one repeats."""
MAX_SUBJECTS = 90
"""Stores listened to. Stores beyond are as of the last fetch."""
BEAT = 1.0
"""Seconds without a word from the server after which it is asked whether it is there."""
SILENCE = 2.0
"""Seconds without an answer after which it is not."""
SLOWEST_PROBE = 2.0
"""Seconds between two looks for a server that went away while events still arrive."""


class Link(StrEnum):
    """How current the stock on the screen is."""

    CONNECTING = "connecting"
    ONLINE = "online"
    """Every change arrives within moments."""
    DEGRADED = "degraded"
    """The server answers, but changes do not arrive: numbers have an age."""
    OFFLINE = "offline"
    """The server does not answer."""


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


class Live:
    """Keeps `view` current for a session while `run` runs. `changed` is set whenever something is to be redrawn."""

    def __init__(self, api: Api, session: Session, terminal_id: str, clock: Callable[[], float] = monotonic) -> None:
        self.view = StockView(clock())
        self.link = Link.CONNECTING
        self.changed = asyncio.Event()
        self._api, self._session, self._terminal_id, self._clock = api, session, terminal_id, clock
        self.is_doubted: Callable[[], bool] = lambda: False
        """Says that somebody else knows better: then no number counts as current, whatever is heard here."""
        self.came_back: Callable[[], None] = lambda: None
        """Called when a server that was away answers again."""
        self._dirty: set[str] = set()
        self._again = asyncio.Event()
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

    def check(self) -> None:
        """Somebody noticed that the server went away or came back: look at once."""
        self._again.set()

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

    async def run(self) -> None:
        """Connect, listen, and connect again, for ever. Returns only when the session ends (SessionEnded is raised)."""
        failures = 0
        while True:
            self._again.clear()
            if await self._listen_once():
                failures = 0
            # Not wait_for: until Python 3.12 it loses a cancellation that comes together with the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSES[min(failures, len(PAUSES) - 1)]):
                    await self._again.wait()
            failures += 1

    async def _listen_once(self) -> bool:
        """Returns one connection from beginning to end. Returns whether it ever was online."""
        try:
            async with asyncio.timeout(SILENCE):
                address = await self._api.live()
            await self._refetch()
        except SessionEnded:
            raise
        except (MostradorError, TimeoutError):
            self._became(Link.OFFLINE)
            return False
        if self.link is Link.OFFLINE:
            self._became(Link.DEGRADED)
        nats = await asyncio.to_thread(importlib.import_module, "nats")

        async def closed() -> None:
            self._again.set()

        async def trouble(_error: Exception) -> None:
            """Every way a connection can fail also closes it, which is all that matters here."""

        token = self._api.token
        try:
            secure = address.nats_url.startswith(("tls:", "wss:"))
            tls = {"tls": await asyncio.to_thread(client_context)} if secure else {}
        except MostradorError:  # no authorities to believe: the numbers are asked for over HTTP
            return True
        try:
            client: Client = await nats.connect(
                address.nats_url.split(","),
                token=token,
                name=f"{self._session.user}@{self._terminal_id}",
                inbox_prefix=f"_INBOX.{self._session.user}-{self._terminal_id}".encode(),
                allow_reconnect=False,
                # Without these nats-py tries a dead address for two minutes before it says so.
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=3,
                ping_interval=1,
                max_outstanding_pings=2,
                closed_cb=closed,
                disconnected_cb=closed,
                error_cb=trouble,
                **tls,
            )
        except (OSError, nats.errors.Error, TimeoutError, ValueError):
            self._became(Link.DEGRADED)
            return False
        try:
            await self._subscribe(client, address)
            await self._refetch()
            self._became(Link.ONLINE)
            if not await self._beat(client, token) and self.link is not Link.OFFLINE:
                self._became(Link.DEGRADED)
            return True
        except SessionEnded:
            raise
        except ServerAway:
            self._became(Link.OFFLINE)
        except (MostradorError, OSError, nats.errors.Error, TimeoutError):
            self._became(Link.DEGRADED)
        finally:
            await client.close()
        return False

    async def _beat(self, client: "Client", token: str) -> bool:
        """Return when NATS is lost (False) or the token it was shown is about to expire (True).

        Then a connection with the new token follows at once, and what changed in between is fetched: nobody sees it.
        Meanwhile see to it that the server is there too. A server that is silent for a while costs no connection:
        events wait for it or come from others, and when it answers again nothing has to be fetched.
        """
        failures = 0

        def is_lost() -> bool:
            return bool(client.is_closed)

        while not is_lost():
            self._again.clear()
            if self._api.token != token:
                return True
            quiet = max(0.0, self._api.heard_at + BEAT - monotonic())
            pause = min(PAUSES[min(failures, len(PAUSES) - 1)], SLOWEST_PROBE) if failures else quiet
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._again.wait()
            if is_lost():
                break
            asked = self._again.is_set() or failures or monotonic() - self._api.heard_at >= BEAT
            if asked and not await self._is_there():
                failures += 1
                self._became(Link.OFFLINE)
                continue
            if self.link is Link.OFFLINE:
                await client.flush(1)
            failures = 0
            self._confirm()
            self._became(Link.ONLINE)
        return False

    async def _is_there(self) -> bool:
        """Returns whether the server answers, now or at least SILENCE after its last answer."""
        left = self._api.heard_at + SILENCE - monotonic()
        try:
            async with asyncio.timeout(max(left, SILENCE / 2)):
                await self._api.live()
        except (ServerAway, TimeoutError):
            return False
        except ServerRefused:
            pass  # it has another worry, but it is there
        return True

    async def _subscribe(self, client: "Client", address: LiveAddress) -> None:
        own = self._session.store_id
        others = [f"inventory.{store.id}.>" for store in self._session.stores if store.id != own]
        subjects = [address.subject, *others[: MAX_SUBJECTS - 1]]
        for subject in subjects:
            await client.subscribe(subject, cb=self._on_message)
        await client.flush(3)

    async def _on_message(self, message: "Msg") -> None:
        with suppress(msgspec.MsgspecError):  # a newer server's event; the numbers are refetched with each connection
            self.take(self._decode.decode(message.data).stock)

    async def _refetch(self) -> None:
        """Fetch all watched products, eight at a time. Raises what the first failing call raises."""
        products = iter(self.view.watched)

        async def some() -> None:
            for product_id in products:
                self._took(await self._api.stock_everywhere(product_id))

        await asyncio.gather(*(some() for _ in range(8)))
        self._confirm()

    def _confirm(self) -> None:
        """All numbers are current now. Only this makes them younger: an age never jumps back while nobody answers."""
        if not self.is_doubted():
            self.view.fresh_at = self._clock()

    def _became(self, link: Link) -> None:
        if link is not self.link:
            was, self.link = self.link, link
            self.changed.set()
            if was is Link.OFFLINE:
                self.came_back()
