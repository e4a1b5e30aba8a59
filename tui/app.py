"""The terminal program: opens the shop, lets a clerk sign in, and shows the screens of the sale.

It paints before anything else happens: HTTP, NATS and the terminal's file are imported and opened in threads, behind
the first screen.
"""

import asyncio
import importlib
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, TypeGuard

from textual import events, work
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.command import CommandPalette
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from backend.model.errors import MostradorError
from backend.terminal.values import Notice
from tui.screens.ask import Ask
from tui.screens.base import LEAST, TerminalScreen
from tui.screens.help import HelpScreen
from tui.screens.start import StartScreen

from . import scan
from .actions import APP, bindings
from .scan_router import ScanRouter
from .shared import Shared
from .theme import THEME
from .type_ahead import TypeAhead
from .words import Words, language

if TYPE_CHECKING:
    from backend.terminal.api import Api
    from backend.terminal.desk import Desk
    from backend.terminal.journal import Journal
    from backend.terminal.values import Session, Store

Report = Callable[[str, int, int], None]
"""Takes the name of a step, how much of it is done, and how much there is. May be called from any thread."""
Connect = Callable[[Report], Awaitable[str]]
"""Opens the shop, reports how that goes, and returns the server's URL. Raises MostradorError."""


class TerminalApp(App[None]):
    """Opens the shop with `connect`, then signs clerks in and out at its counter until somebody quits."""

    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(APP)

    def __init__(
        self,
        connect: Connect,
        *,
        data_dir: Path,
        terminal_id: str,
        words: Words,
        in_fleet: bool = False,
        terminal_key: str = "",
        demo: bool = False,
        store: str | None = None,
        scan_prefix: str = scan.STX,
        make_api: "Callable[[str], Api] | None" = None,
        clock: Callable[[], float] = monotonic,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        super().__init__()
        self._keys = TypeAhead(lambda: self.screen, self._deliver, self.call_later)
        self.shared = Shared(words, terminal_id, self._keys, demo=demo, now=now)
        self.shared.on_message = self._message_said
        self._connect = connect
        self._slot, self._in_fleet, self._terminal_key = terminal_id, in_fleet, terminal_key
        self._journal_path = data_dir / "terminals" / f"{terminal_id}.db"
        self._store = store
        self._clock = clock
        self._scans = ScanRouter(self, scan_prefix, self.shared.say)
        self._make_api = make_api
        self._api: Api | None = None
        self._journal: Journal | None = None
        self._running_desk: asyncio.Task[None] | None = None
        self.register_theme(THEME)
        self.theme = THEME.name

    # From opening to closing.

    def on_mount(self) -> None:
        """Paint first; everything else happens behind it."""
        self.life()

    @work(name="life", exit_on_error=False)
    async def life(self) -> None:
        """Open the shop, then one clerk after another."""
        api, journal, stores = await self._open()
        while True:
            session = await self._sign_in(api, journal, stores)
            await self._attend(api, journal, session)

    async def _open(self) -> "tuple[Api, Journal, tuple[Store, ...]]":
        while True:
            start = StartScreen(self.shared)
            dismissed = self.push_screen(start, wait_for_dismiss=True)
            try:
                opened = await self._open_once(partial(self._report, asyncio.get_running_loop(), start))
            except MostradorError as error:
                start.fail(error)
                await dismissed
            else:
                start.dismiss(None)
                return opened

    def _report(self, loop: asyncio.AbstractEventLoop, start: StartScreen, step: str, done: int, total: int) -> None:
        with suppress(RuntimeError):  # the program was left while the shop was still being opened
            loop.call_soon_threadsafe(start.report, step, done, total)

    async def _open_once(self, report: Report) -> "tuple[Api, Journal, tuple[Store, ...]]":
        loading = asyncio.create_task(asyncio.to_thread(_load))
        url = await self._connect(report)
        await loading
        from backend.terminal.api import Api
        from backend.terminal.identity import adopt_older
        from backend.terminal.journal import Journal

        if self._journal is None:
            journal = await asyncio.to_thread(Journal, self._journal_path, self._slot)
            try:
                await asyncio.to_thread(adopt_older, journal, self._journal_path.parent, self._slot)
            except MostradorError:
                journal.close()
                raise
            self._journal = journal
        if self._api is not None:
            await self._api.close()
        self._api = await asyncio.to_thread(self._make_api or Api, url)
        return self._api, self._journal, await self._api.stores()

    async def _sign_in(
        self, api: "Api", journal: "Journal", stores: "tuple[Store, ...]", again: "Session | None" = None
    ) -> "Session":
        from backend.terminal.identity import Identity, place_of
        from tui.screens.sign_in import SignInScreen

        identity = Identity(self._slot, is_own_shop=not self._in_fleet, key=self._terminal_key)

        async def sign_in(user: str, pin: str, store_id: str) -> "Session":
            return await identity.sign_in(api, journal, place_of(self._journal_path.parent), user, pin, store_id)

        screen = SignInScreen(
            self.shared,
            sign_in,
            stores,
            store_id=again.store_id if again else self._store or journal.recall("store"),
            user=again.user if again else journal.recall("user"),
            again=again,
        )
        session = await self.push_screen_wait(screen)
        self.shared.terminal_id = session.terminal_id or self._slot
        if again is None:
            journal.remember(store=session.store_id, user=session.user)
        return session

    async def _attend(self, api: "Api", journal: "Journal", session: "Session") -> None:
        from backend.terminal.desk import Desk
        from tui.screens.sell import SellScreen

        desk = Desk(api, journal, session, self.shared.terminal_id, self.shared.say, clock=self._clock)
        self.shared.desk = desk
        self._running_desk = asyncio.create_task(desk.run())
        self._running_desk.add_done_callback(self._desk_stopped)
        again = self.run_worker(self._sign_in_again(api, journal, desk), name="again", exit_on_error=False)
        self.shared.say(Notice("ok", "welcome", {"name": session.display_name}))
        await self.push_screen_wait(SellScreen(self.shared, desk))
        again.cancel()
        await desk.leave()
        await self._stop_desk()
        await api.sign_out()
        self.shared.desk = None

    async def _sign_in_again(self, api: "Api", journal: "Journal", desk: "Desk") -> None:
        """Whenever the session ends in the middle of a sale, ask for the PIN and go on."""
        while True:
            await desk.session_over.wait()
            desk.signed_in(await self._sign_in(api, journal, desk.session.stores, again=desk.session))

    def _desk_stopped(self, desk: asyncio.Task[None]) -> None:
        if not desk.cancelled() and (error := desk.exception()) is not None:
            self.shared.failed(error)
            self.exit()

    async def _stop_desk(self) -> None:
        if self._running_desk is not None:
            self._running_desk.cancel()
            await asyncio.wait([self._running_desk])
            self._running_desk = None

    async def on_unmount(self) -> None:
        """Close what was opened; what waits in the journal is sent at the next start."""
        await self._stop_desk()
        if self._api is not None:
            await self._api.sign_out()
            await self._api.close()
        if self._journal is not None:
            self._journal.close()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """The life of the program cannot go on after a failure nobody foresaw; `run` reports it."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.shared.failed(event.worker.error)
            self.exit()

    # Messages, keys, help, leaving.

    def _message_said(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, TerminalScreen):
                screen.refresh_chrome()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Yields the command palette: what the keys of this screen and of the program can do now."""
        words = self.shared.words
        own = [(act, screen) for act in screen.ACTS if screen.works(act.action)] if _is_ours(screen) else []
        for act, target in (*own, *((act, self) for act in APP)):
            if act.in_palette:
                run = partial(self.run_action, act.action, target)
                yield SystemCommand(words(f"key.{act.id}"), words(f"key.{act.id}.help"), run)

    def action_command_palette(self) -> None:
        """Open the palette, in the language of the screens."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette(placeholder=self.shared.words("palette.search")))

    def action_help(self) -> None:
        """The keys of the screen that is on top."""
        if isinstance(self.screen, TerminalScreen):
            self.push_screen(HelpScreen(self.shared, self.screen.ACTS))

    def action_help_quit(self) -> None:
        """ctrl+c copies and never quits; say what does."""
        self.shared.say(Notice("info", "quit_how"))

    async def action_quit(self) -> None:
        """Leave; ask first if a sale is open."""
        desk, words = self.shared.desk, self.shared.words
        if desk is None or not desk.cart.lines:
            self._quit(True)
        elif not isinstance(self.screen, Ask):
            lines = words("sell.lines", n=len(desk.cart.lines))
            detail = words("ask.quit.detail", lines=lines, total_cents=desk.cart.total_cents)
            self.push_screen(Ask(self.shared, "ask.quit", detail), self._quit)

    def _quit(self, yes: bool | None) -> None:
        if yes:
            self.run_worker(self._leave_and_exit(), name="quit", exit_on_error=False)

    async def _leave_and_exit(self) -> None:
        if self.shared.desk is not None:
            await self.shared.desk.leave()
        self.exit()

    async def on_event(self, event: events.Event) -> None:
        """Give every key, before anybody else may have it, to what decides whether it has to wait."""
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded and self._is_too_small:
            await self._refuse(event)
        elif isinstance(event, events.Key) and not event.is_forwarded:
            await self._keys.press(event)
        elif isinstance(event, events.Paste) and isinstance(self.screen, TerminalScreen) and self.screen.PASTE_IS_TYPED:
            for key in _typed(event.text):
                await self._keys.press(key)
        else:
            await super().on_event(event)

    @property
    def _is_too_small(self) -> bool:
        return self.size.width < LEAST.width or self.size.height < LEAST.height

    async def _refuse(self, event: events.Key | events.Paste) -> None:
        """Let nothing act that cannot be seen; only leaving is possible, while no sale is open."""
        is_open = self.shared.desk is not None and bool(self.shared.desk.cart.lines)
        if isinstance(event, events.Key) and event.key == "ctrl+q" and not is_open:
            await super().on_event(event)
        else:
            self.bell()

    async def _deliver(self, event: events.Key) -> None:
        """Let the scan router see the key first; and any key shows that the clerk is at work."""
        if self.shared.desk is not None:
            self.shared.desk.worked()
        if not self._scans.takes(event):
            await super().on_event(event)


def _typed(text: str) -> Iterator[events.Key]:
    """Yields the keys that would have typed `text`."""
    for character in text.replace("\r\n", "\n"):
        name = {"\n": "enter", "\r": "enter", "\t": "tab"}.get(character)
        yield events.Key(name or character, None if name else character)


def _is_ours(screen: Screen[Any]) -> TypeGuard[TerminalScreen[Any]]:
    return isinstance(screen, TerminalScreen)


def _load() -> None:
    """Import, in a thread, what selling needs behind the first screen."""
    for module in ("backend.terminal.desk", "tui.screens.sell", "tui.screens.sign_in"):
        importlib.import_module(module)


def run(
    *,
    connect: Connect,
    data_dir: Path,
    terminal_id: str,
    lang: str | None = None,
    in_fleet: bool = False,
    terminal_key: str = "",
    demo: bool = False,
    store: str | None = None,
) -> None:
    """Show the program until the person leaves it.

    `connect` opens the shop and returns the server's URL; it may raise MostradorError, which is shown. `data_dir` holds
    this terminal's own file, named `terminal_id`, which is also what the server of this machine's own shop calls it.
    `in_fleet` the server says which terminal this is, unless the `terminal_key` of an enrolled one does. `demo` shows
    the demo shop's users at the sign-in; `store` is chosen there beforehand. The
    environment's MOSTRADOR_SCAN_PREFIX names the key a scanner is programmed to send first (STX without it).

    Raises whatever nobody foresaw, after the screen has been given back.
    """
    app = TerminalApp(
        connect,
        data_dir=data_dir,
        terminal_id=terminal_id,
        words=Words(language(lang, os.environ)),
        in_fleet=in_fleet,
        terminal_key=terminal_key,
        demo=demo,
        store=store,
        scan_prefix=os.environ.get("MOSTRADOR_SCAN_PREFIX", scan.STX),
    )
    app.run()
    for failure in app.shared.failures:
        raise failure
