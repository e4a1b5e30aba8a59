"""A counter to press keys at: the real app on a server of a few lines, with its clocks standing still."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path

import nats
import pytest
from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widgets import Input, Select

from backend.terminal.desk import Desk
from backend.terminal.live import Link
from backend.terminal.money import Lang
from tests.eventually import eventually
from tests.terminal.fake_nats import FakeNats
from tests.terminal.fake_server import FakeServer
from tui.app import Report, TerminalApp
from tui.words import Words

SNAPSHOTS = Path(__file__).parent / "snapshots"
UPDATE = "MOSTRADOR_UPDATE_SNAPSHOTS"
"""Set this variable to write the snapshots anew; then look at the difference before it is committed."""
STOCK = {("292", "1043"): 2, ("406", "1043"): 7, ("319", "1043"): 0, ("361", "1043"): 1, ("292", "1044"): 0}
SMALL, LARGE = (80, 24), (160, 48)


class Counter:
    """The app, its pilot, its server, and time that only the test moves."""

    def __init__(self, data_dir: Path, bus: FakeNats, *, lang: Lang = "en", demo: bool = False) -> None:
        self.server = FakeServer(STOCK)
        self.bus = bus
        self.seconds = 1000.0
        self.app = TerminalApp(
            self._connect,
            data_dir=data_dir,
            terminal_id="T1",
            words=Words(lang),
            demo=demo,
            make_api=self.server.api,
            clock=lambda: self.seconds,
            now=lambda: datetime(2026, 11, 24, 9, 41),
        )
        self.pilot: Pilot[None]

    async def _connect(self, report: Report) -> str:
        report("servers", 0, 1)
        return "http://server"

    @property
    def desk(self) -> Desk:
        desk = self.app.shared.desk
        assert desk is not None
        return desk

    @property
    def text(self) -> str:
        """The screen as plain text."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    @property
    def message(self) -> str:
        """The last thing said, in words."""
        return self.app.shared.words.say(self.app.shared.messages[-1][1])

    def pass_time(self, seconds: float) -> None:
        self.seconds += seconds
        self.server.later(seconds)

    async def shows(self, *texts: str) -> None:
        """Wait until the screen shows all of `texts`."""
        await self.until(lambda: all(text in self.text for text in texts))

    async def says(self, sentence: str) -> None:
        """Wait until this is the last thing said."""
        await self.until(lambda: self.message == sentence)

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until `holds()` and everything that is under way has been drawn."""
        await eventually(lambda: self.app.shared.failures or holds())
        assert self.app.shared.failures == []
        await self.pilot.pause()

    async def on(self, screen: str) -> None:
        """Wait until this screen is on top."""
        await self.until(lambda: type(self.app.screen).__name__ == screen)

    async def sign_in(self, on: str = "SellScreen") -> None:
        """Fill in the form as ana of store 292 and wait for the counter to be live, with this screen on top."""
        await self.on("SignInScreen")
        form = self.app.screen
        form.query_one("#store", Select).value = "292"
        form.query_one("#user", Input).value = "ana"
        form.query_one("#pin", Input).value = "1234"
        await self.pilot.pause()
        await self.press("f9")
        await self.on(on)
        await self.until(lambda: self.desk.live.link is Link.ONLINE)

    async def press(self, *keys: str) -> None:
        """Press keys one after another, without the pause of 40 ms that Pilot.press makes after each."""
        for key in keys:
            self._post(key)
        await self.pilot.pause()

    def _post(self, key: str) -> None:
        name = _character_to_key(key) if len(key) == 1 else key
        self.app.post_message(events.Key(name, key if len(key) == 1 else None))

    def scan(self, code: str) -> None:
        """A scanner: all keys at once."""
        for key in (*code, "enter"):
            self._post(key)

    async def settled(self) -> None:
        """Wait until every command is answered and drawn."""
        await self.until(self.desk.sender.idle.is_set)


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No blinking cursor, no colours asked for by the machine that runs the tests."""
    monkeypatch.setattr(Input, "cursor_blink", False)
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> FakeNats:
    fake = FakeNats()
    monkeypatch.setattr(nats, "connect", fake.connect)
    return fake


Opening = Callable[..., AbstractAsyncContextManager[Counter]]


@pytest.fixture
def counter(tmp_path: Path, bus: FakeNats) -> Opening:
    """Opens a counter of a size; its failures are the test's."""

    @asynccontextmanager
    async def opening(
        size: tuple[int, int] = SMALL, *, lang: Lang = "en", demo: bool = False, signed_in: bool = True
    ) -> AsyncIterator[Counter]:
        counter = Counter(tmp_path, bus, lang=lang, demo=demo)
        async with counter.app.run_test(size=size) as pilot:
            counter.pilot = pilot
            if signed_in:
                await counter.sign_in()
            yield counter
        assert counter.app.shared.failures == []

    return opening


@pytest.fixture
def snapshot() -> Callable[[str, str], None]:
    """Compares a screen's text with the stored file of that name."""

    def compare(name: str, text: str) -> None:
        path = SNAPSHOTS / f"{name}.txt"
        if os.environ.get(UPDATE):
            SNAPSHOTS.mkdir(exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
        assert text + "\n" == path.read_text(encoding="utf-8"), f"look at it, then set {UPDATE}=1"

    return compare
