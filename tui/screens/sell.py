"""The sell screen: scan or type, see what is there, hold it, sell it."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from textual import on, work
from textual.app import ComposeResult
from textual.timer import Timer
from textual.widgets import Input

from backend.model.errors import MostradorError
from backend.terminal.desk import Desk
from backend.terminal.entry import Entry, parse
from backend.terminal.lines import CartLine, State
from backend.terminal.queue import UnsentWork
from backend.terminal.values import Notice, notice_of
from tui import scan
from tui.actions import SELL, bindings
from tui.hold_watch import HoldWatch
from tui.shared import Shared
from tui.widgets.sell_body import SellBody

from .ask import Ask
from .base import TerminalScreen
from .conflicts import ConflictsScreen
from .open_sale import OpenSaleScreen

PAUSE = 0.12
"""Seconds without a key before a search is asked."""
FLUSH = 0.1
"""Seconds between two drawings of what changed by itself."""
BARCODE_LENGTH = 8
NEAR = 20
"""Results below the mark at which more are asked for."""


class SellScreen(TerminalScreen[None]):
    """Everything a clerk does with one customer after another. What happens is decided by `desk`; this draws it.

    It is dismissed when the clerk signs out.
    """

    ACTS = SELL
    BINDINGS = bindings(SELL)
    BURSTS = scan.Bursts.DIGITS
    CSS_PATH = "sell.tcss"

    def __init__(self, shared: Shared, desk: Desk) -> None:
        super().__init__(shared)
        self._desk = desk
        self._body = SellBody(desk, self.words)
        self._entry = self._body.entry
        self._holds = HoldWatch()
        self._debounce: Timer | None = None
        self._turn, self._finding = asyncio.Lock(), asyncio.Lock()

    def compose(self) -> ComposeResult:
        """Yields the body in its frame."""
        yield from self.framed(self._body)

    def on_mount(self) -> None:
        """Start following what changes by itself."""
        self.shared.keys.forget()  # what was typed before this screen was there was meant for the sign-in
        self.set_focus(self._entry.input)
        self.set_interval(1, self._tick)
        self.run_worker(self._follow(), name="follow", group="follow", exit_on_error=False)
        self.draw()
        if self._desk.found is not None and self._desk.found.wanted:
            self.app.push_screen(OpenSaleScreen(self.shared, self._desk.found), self._found_decided)

    def _found_decided(self, wanted: bool | None) -> None:
        """Do with the sale that was open when the terminal stopped what the clerk chose."""
        self._step(self._desk.take_up() if wanted else self._desk.give_back(), "found")

    # Drawing.

    async def _follow(self) -> None:
        while True:
            await self._desk.live.changed.wait()
            self.draw(self._desk.live.take_changed() or None)
            await asyncio.sleep(FLUSH)

    def _tick(self) -> None:
        """Once a second: countdowns, ages, the clock, and what the cart needs by now."""
        self._desk.pump()
        if (notice := self._holds.look(self._desk.cart.lines, self._desk.now)) is not None:
            self.shared.say(notice)
        self.draw()

    def draw(self, changed: set[str] | None = None) -> None:
        """Show everything as it is now; `changed` are the products whose stock did, if nothing else has."""
        self._body.draw(changed)
        self.refresh_chrome()

    # Searching.

    @on(Input.Changed, "#entry")
    def _entry_changed(self) -> None:
        if self._debounce is not None:
            self._debounce.stop()
        words = self._body.typed.words if self._body.typed else ""
        if not words:
            self._desk.finder.clear()
            self._show_found()
        elif words != self._desk.finder.words:
            self._debounce = self.set_timer(PAUSE, partial(self._start_search, words))
        self.draw()

    @work(group="search", exclusive=True, exit_on_error=False)
    async def _start_search(self, words: str) -> None:
        await self._search(words)

    async def _search(self, words: str) -> None:
        self._entry.note(self.words("sell.searching"))
        await self._desk.search(words)
        self._show_found()
        await self._watch_marked()

    def _show_found(self) -> None:
        self._body.show_found()
        self.refresh_chrome()

    @work(group="watch", exclusive=True, exit_on_error=False)
    async def _start_watching(self) -> None:
        await self._watch_marked()

    async def _watch_marked(self) -> None:
        """Keep what is visible current: the product in question first, then the other results on the screen."""
        if self._body.in_question:
            await self._desk.live.watch([self._body.in_question.id])
            self.draw()
        await self._desk.live.watch(self._body.grid.keys_in_sight)
        self.draw()

    # Scanning.

    def take_scan(self, code: str) -> None:
        """Add what was scanned, as often as the entry says."""
        try:
            count = parse(self._entry.text).count or 1
        except MostradorError as error:
            self.shared.say(notice_of(error))
            return
        self._entry.clear()
        self._step(self._scan(code, count), "scan")

    async def _scan(self, code: str, count: int) -> None:
        """Add what the code stands for; show what else it may mean, if the clerk has not typed on meanwhile."""
        product, finder = await self._desk.scan(code, count), self._desk.finder
        if product is None and finder.words == code and finder.found and not self._entry.text:
            self._entry.show(f"{count}*{code}" if count > 1 else code)
            self._show_found()
            self.shared.say(Notice("info", "choose_one", {"entered": code}))

    # Keys. What some of them mean depends on whether something is typed.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave Enter, +, − and Delete to the entry while something is typed in it."""
        typed = self._entry.text.strip()
        only_count = self._body.typed is not None and self._body.typed.count is not None and not self._body.typed.words
        match action:
            case "set":
                return only_count
            case "accept":
                return bool(typed) and not only_count
            case "more" | "less" | "void" | "take":
                return not typed and (bool(self._desk.cart.lines) or self._turn.locked())
            case "again":
                return not typed
            case _:
                return True

    def works(self, action: str) -> bool:
        """Returns whether it would do something now."""
        cart = self._desk.cart
        useful = {
            "finish": bool(cart.lines) and not self._desk.is_selling,
            "accept": bool(self._body.results.keys),
            "set": bool(cart.lines),
            "again": any(line.state(self._desk.now) in (State.EXPIRED, State.SHORT) for line in cart.lines),
            "take": self._short_line is not None,
            "undo": cart.can_undo,
            "conflicts": bool(self._desk.checkout.conflicts),
        }
        return useful.get(action, True) and super().works(action)

    def _step(self, work: Coroutine[Any, Any, object], name: str) -> None:
        """Let the desk do something when it has done what came before, then show how things are."""

        async def step() -> None:
            async with self._turn:
                await work
                self.draw()
            await self._watch_marked()

        self.do(step(), name)

    def action_accept(self) -> None:
        """Add the marked result; look first if that has not been done."""
        text, finder = self._entry.text, self._desk.finder
        try:
            entry = parse(text)
        except MostradorError as error:
            self.shared.say(notice_of(error))
            return
        marked = finder.found.get(self._body.results.marked or "") if finder.words == entry.words else None
        if marked is not None:
            self._entry.clear()
            self._step(self._desk.add(marked, entry.count or 1), "add")
        else:
            self._step(self._look_and_add(text, entry), "accept")

    async def _look_and_add(self, text: str, entry: Entry) -> None:
        await self._search(entry.words)
        finder, count = self._desk.finder, entry.count or 1
        if finder.words != entry.words:
            return  # it could not be asked
        if finder.certain is not None:
            self._entry.clear(text)
            await self._desk.add(finder.certain, count)
        elif not finder.found and entry.words.isdigit() and len(entry.words) >= BARCODE_LENGTH:
            self._entry.clear(text)
            await self._desk.scan(entry.words, count)  # says what is wrong with the code
        elif not finder.found:
            self.shared.say(Notice("warning", "no_match", {"entered": entry.words}))

    def action_set(self) -> None:
        """Make the marked line's quantity the typed one."""
        count = self._body.typed.count if self._body.typed else None
        self._entry.clear()
        if count:
            self._change_line(lambda line: self._desk.set_quantity(line.product.id, count))

    def action_more(self) -> None:
        """One unit more."""
        self._change_line(lambda line: self._desk.change(line.product.id, +1))

    def action_less(self) -> None:
        """One unit less."""
        self._change_line(lambda line: self._desk.change(line.product.id, -1))

    def action_void(self) -> None:
        """Void the marked line."""
        self._change_line(lambda line: self._desk.set_quantity(line.product.id, 0))

    def action_take(self) -> None:
        """Lower the line that is short to what there is."""

        async def take() -> None:
            line = self._short_line
            if line is not None and line.short is not None:
                await self._desk.set_quantity(line.product.id, line.short.available)
            else:
                self.shared.say(Notice("info", "nothing_short"))

        self._step(take(), "take")

    @property
    def _short_line(self) -> CartLine | None:
        """The line of which there is less than it asks for, but some: the marked one, else the first."""
        marked = self._body.marked_line
        lines = [marked, *self._desk.cart.lines] if marked else self._desk.cart.lines
        return next((line for line in lines if line.short and line.short.available > 0), None)

    def _change_line(self, change: Callable[[CartLine], Coroutine[Any, Any, None]]) -> None:
        async def change_marked() -> None:
            line = self._body.marked_line
            if line is None:
                self.shared.say(Notice("info", "nothing_marked"))
            else:
                await change(line)

        self._step(change_marked(), "change")

    def action_again(self) -> None:
        """Hold again what expired or was short."""
        if self.works("again"):
            self._step(self._desk.hold_again(), "again")

    def action_undo(self) -> None:
        """Take back the last step."""
        self._step(self._desk.undo(), "undo")

    def action_finish(self) -> None:
        """Sell the cart."""
        self._entry.clear()
        self._step(self._desk.finish(), "finish")

    def action_up(self) -> None:
        """Mark the row above."""
        self._mark(-1)

    def action_down(self) -> None:
        """Mark the row below."""
        self._mark(+1)

    def action_page(self, pages: int) -> None:
        """Mark the row a page above or below."""
        self._body.grid.move_pages(pages)
        self._marked()

    def action_end(self, way: int) -> None:
        """Mark the first or the last row."""
        self._body.grid.move(way * len(self._body.grid.keys))
        self._marked()

    def _mark(self, rows: int) -> None:
        self._body.grid.move(rows)
        self._marked()

    def _marked(self) -> None:
        self.draw()
        self._start_watching()
        if self._body.is_searching and self._body.results.rows_below < NEAR and self._desk.finder.has_more:
            self._find_more()

    @work(group="more", exit_on_error=False)
    async def _find_more(self) -> None:
        async with self._finding:  # one page after the other, however fast the keys are
            if self._body.results.rows_below < NEAR and self._desk.finder.has_more:
                await self._desk.search_more()
                self._body.show_found(more=True)
        await self._watch_marked()

    def action_back(self) -> None:
        """One step back: out of the search, out of the sale (asking), out of the session (asking)."""
        cart = self._desk.cart
        if self._entry.text:
            self._entry.clear()
        elif cart.lines:
            detail = self.words(
                "ask.cancel.detail", lines=self.words("sell.lines", n=len(cart.lines)), total_cents=cart.total_cents
            )
            question = Ask(self.shared, "ask.cancel", detail)
            self.app.push_screen(question, self._throw_away)
        else:
            question = Ask(self.shared, "ask.leave", self.words("ask.leave.detail"))
            self.app.push_screen(question, self._leave)

    def _throw_away(self, yes: bool | None) -> None:
        if yes:
            self._step(self._desk.cancel(), "cancel")

    def _leave(self, yes: bool | None) -> None:
        if not yes:
            return
        try:
            self._desk.check_leave()
        except UnsentWork as error:
            self.shared.say(notice_of(error))
        else:
            self.dismiss(None)

    def action_conflicts(self) -> None:
        """Show the sales that the server refused."""
        if self._desk.checkout.conflicts:
            self.app.push_screen(ConflictsScreen(self.shared, self._desk))
