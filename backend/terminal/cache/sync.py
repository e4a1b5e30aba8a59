"""Keeping the copy equal to the server: a snapshot at first, then every change as it happens, and sums to make sure.

Changes of stock are heard over NATS and taken in if they are newer, so order, duplicates and losses are harmless. After
a pause the events since the copy's position are read over HTTP; when these are too many, or gone, sums tell which rows
to fetch instead. The position moves on while all is heard: the one of a minute ago is certain to lie behind it.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from backend.model.errors import MostradorError
from backend.model.stock import StockRow
from backend.terminal.api import Api, ServerRefused, SessionEnded
from backend.terminal.listener import Link, Listener
from backend.terminal.values import LiveAddress, Session

from .cache import Cache
from .comparing import Healed, compare
from .file import CacheUnusable
from .heard import Page, Told
from .intake import Progress, Query, Stream, facts_of, load, put

if TYPE_CHECKING:
    from nats.aio.msg import Msg

PAGE = 500
MAX_PAGES = 20
"""Pages of events that are read after a pause; beyond that it is quicker to fetch the rows that differ."""
GATHER_SECONDS = 0.05
"""How long events gather before they are written together."""
MOVE_SECONDS = 60.0
"""Between two moves of the position."""
CHANGES_SECONDS = 20.0
"""Between two questions for changes of the catalogue."""
COMPARE_SECONDS = 300.0
"""Between two comparisons by sums."""
UNHEARD_COMPARE_SECONDS = 30.0
"""The same while events can neither be heard nor read."""
SETTLING_SECONDS = 5.0
"""How long a change may be on its way before the row that it changed counts as having differed."""
_TICK = 1.0


class Sync(Listener):
    """Keeps `cache` equal to the server for a session while `run` runs.

    `cache.changed` tells of numbers and products; `changed` of `link` and `progress`, which is None unless a snapshot
    is being taken.
    """

    def __init__(
        self, cache: Cache, api: Api, session: Session, terminal_id: str, clock: Callable[[], float] = monotonic
    ) -> None:
        super().__init__(api, session, terminal_id)
        self.cache = cache
        self.progress: Progress | None = None
        self.trouble: CacheUnusable | None = None
        """Why the file cannot be written now, if it cannot."""
        self.healed = 0
        """Rows that differed from the server without an event on its way, since the start."""
        self._clock = clock
        self._turn = asyncio.Lock()
        self._heard = asyncio.Event()
        self._decode = msgspec.json.Decoder(Told)
        self._unreported = Healed()
        self._suspects: dict[str, tuple[int, float]] = {}
        """Stock rows that were put right: version, and when; an event that tells of them was only late."""
        self._mark = ""
        self._due = dict.fromkeys(("move", "changes", "compare"), 0.0)

    async def run(self) -> None:
        """Keep the copy equal until cancelled. Raises SessionEnded."""
        writing = asyncio.create_task(self._write(), name="cache-write")
        minding = asyncio.create_task(self._mind(), name="cache-mind")
        listening = asyncio.create_task(super().run(), name="cache-listen")
        try:
            await asyncio.wait([listening, minding], return_when=asyncio.FIRST_COMPLETED)
            for task in (listening, minding):
                if task.done():
                    task.result()
        finally:
            self.cache.freshness.is_live = False
            for task in (writing, minding, listening):
                task.cancel()
            await asyncio.gather(writing, minding, listening, return_exceptions=True)

    def take(self, rows: Sequence[StockRow]) -> None:
        """Take in rows that an answer carried."""
        self.cache.take(rows)
        self._heard.set()

    # What the listener asks for.

    def _subjects(self, address: LiveAddress) -> Sequence[str]:
        return [f"inventory.{self.cache.store_id}.>"]

    async def _on_message(self, message: "Msg") -> None:
        with suppress(msgspec.MsgspecError):  # a newer server's event; the sums tell what it changed
            self._took(self._decode.decode(message.data))

    def _took(self, told: Told) -> None:
        for row, at, cause in told.rows():
            self.cache.take([row], at, cause)
            suspect = self._suspects.get(row.product_id)
            if suspect is not None and row.version >= suspect[0]:
                del self._suspects[row.product_id]
        self._heard.set()

    async def _catch_up(self, *, listening: bool) -> None:
        async with self._turn:
            if not self.cache.is_complete:
                await self._load()
            self._mark = ""
            await self._changes()
            has_read = await self._read_events()
            if listening or (not has_read and self._clock() >= self._due["compare"]):
                await self._compare(counting=listening and has_read, pause=UNHEARD_COMPARE_SECONDS)
                has_read = True
            if has_read:
                self._confirm()

    def _confirm(self) -> None:
        if self.cache.is_complete and not self.is_doubted():
            self.cache.freshness.confirm()

    def _became(self, link: Link) -> None:
        self.cache.freshness.is_live = link is Link.ONLINE and self.cache.is_complete
        super()._became(link)

    # The steps of catching up.

    async def _load(self) -> None:
        def tell(progress: Progress) -> None:
            self.progress = progress
            self.changed.set()

        try:
            await load(self.cache, self._api, tell)
        finally:
            self.progress = None
            self.changed.set()

    async def _changes(self) -> None:
        """Take in what changed of the catalogue."""
        self._due["changes"] = self._clock() + CHANGES_SECONDS
        query: Query = {"store_id": self.cache.store_id, "after": self.cache.facts.get("catalogue", "0")}
        stream = Stream(self._api, "/sync/changes", query)
        try:
            async for part in stream:
                facts = facts_of(stream.head) if part.end else {}
                facts.pop("events", None)
                if part.products or part.removed or facts:
                    await put(self.cache, part, facts)
        except ServerRefused as error:
            if error.code != "position_gone":
                raise
            self._due["compare"] = 0.0

    async def _read_events(self) -> bool:
        """Returns whether all events since the copy's position could be read."""
        position = self.cache.facts.get("events", "")
        try:
            for _ in range(MAX_PAGES):
                if not position:
                    return False
                query: Query = {"store_id": self.cache.store_id, "kind": "stock", "after": position, "limit": PAGE}
                page = await self._api.read("/events", Page, query)
                for told in page.events:
                    self._took(told)
                position = page.next
                await self.cache.flush({"events": position})
                if len(page.events) < PAGE:
                    return True
        except ServerRefused as error:
            if error.code == "position_gone":
                await self.cache.flush({"events": ""})
            elif error.code != "events_away":
                raise
        return False

    async def _compare(self, *, counting: bool, pause: float) -> None:
        self._due["compare"] = self._clock() + UNHEARD_COMPARE_SECONDS  # also if it fails
        known = int(self.cache.facts.get("catalogue") or "0")
        differences = await compare(self.cache, self._api, self._unreported)
        self._due["compare"] = self._clock() + pause
        if not counting:
            return
        now = self._clock()
        self._suspects |= {x: (version, now) for x, version in differences.stock.items()}
        late = await self.cache.look(lambda db: _changed_since(db, known))
        count = len(differences.catalogue - late)
        self._unreported.catalogue += count
        self.healed += count

    def _settle(self) -> None:
        """Count the rows that were put right and that no event has told of since."""
        before = self._clock() - SETTLING_SECONDS
        settled = [x for x, (_, at) in self._suspects.items() if at <= before]
        for product_id in settled:
            del self._suspects[product_id]
        self._unreported.stock += len(settled)
        self.healed += len(settled)

    # What happens beside listening.

    async def _write(self) -> None:
        while True:
            await self._heard.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._heard.clear()
            try:
                await self.cache.flush()
                self.trouble = None
            except CacheUnusable as error:  # what was heard stays in memory
                self.trouble = error
                self.changed.set()

    async def _mind(self) -> None:
        """Do what is due, once a second while the server is there."""
        while True:
            await asyncio.sleep(_TICK)
            self._settle()
            if self.cache.rebuilt.is_set():
                self.cache.rebuilt.clear()
                self.cache.freshness.is_live = False
                self._due["compare"] = 0.0
            if self.link is not Link.ONLINE:
                continue
            try:
                async with self._turn:
                    await self._do_what_is_due()
            except SessionEnded:
                raise
            except MostradorError:
                self.check()

    async def _do_what_is_due(self) -> None:
        now = self._clock()
        if not self.cache.is_complete:
            await self._load()
        if now >= self._due["changes"]:
            await self._changes()
        if now >= self._due["compare"]:
            await self._compare(counting=True, pause=COMPARE_SECONDS)
        if now >= self._due["move"]:
            await self._move_on()
        self.cache.freshness.is_live = self.link is Link.ONLINE and self.cache.is_complete

    async def _move_on(self) -> None:
        """Take the position of a minute ago for the copy's, since all until then was heard, and ask for that of now."""
        self._due["move"] = self._clock() + MOVE_SECONDS
        facts = {"sure_at": str(self.cache.freshness.sure_at)}
        if self._mark:
            facts["events"] = self._mark
        await self.cache.flush(facts)
        try:
            self._mark = (await self._api.read("/events", Page, {"store_id": self.cache.store_id})).next
        except ServerRefused:
            self._mark = ""  # it is read over another server's NATS, or not at all


def _changed_since(db: sqlite3.Connection, position: int) -> set[str]:
    return {row[0] for row in db.execute("SELECT id FROM products WHERE mark >= ?", (position,))}
