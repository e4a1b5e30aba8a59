"""The frame of every screen: status line, body, message line, key bar, and a notice when the window is too small."""

from collections.abc import Coroutine
from typing import Any, ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from backend.terminal.values import Notice
from tui import scan
from tui.actions import Act
from tui.shared import Shared
from tui.widgets.chrome import KeyBar, MessageLine, StatusLine

Result = TypeVar("Result")
WIDTHS = [(0, "-tiny"), (80, "-narrow"), (100, "-wide"), (160, "-huge")]
HEIGHTS = [(0, "-short"), (24, "-tall")]


class CounterScreen(Screen[Result]):
    """A screen with the chrome of three lines around its body."""

    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    ACTS: ClassVar[tuple[Act, ...]] = ()
    BINDINGS: ClassVar[list[BindingType]] = []
    BURSTS: ClassVar[scan.Bursts] = scan.Bursts.NONE
    PASTE_IS_TYPED: ClassVar[bool] = False
    """Whether pasted text acts as if it were typed, line ends and all."""

    def __init__(self, shared: Shared) -> None:
        super().__init__()
        self.shared = shared
        self.words = shared.words
        self._too_small = Static(id="too-small", markup=False)

    def framed(self, body: Widget) -> ComposeResult:
        """`body` with the chrome around it."""
        yield StatusLine(self.shared)
        yield body.add_class("body")
        yield self._too_small
        yield MessageLine(self.shared)
        yield KeyBar(self.shared, self.ACTS)

    @property
    def takes_keys(self) -> bool:
        """Whether keys that belong to text may be delivered now; until then they wait."""
        return self.is_mounted

    def works(self, action: str) -> bool:
        """Whether the key bar should offer this action now."""
        return bool(self.check_action(action, ()))

    def take_scan(self, code: str) -> None:
        """A scan arrived while this screen was on top."""
        self.shared.say(Notice("warning", "scan_not_here"))

    def refresh_chrome(self) -> None:
        """Draw the three lines again; the message may have grown or shrunk by a line."""
        if self.is_mounted:
            self.query_one(StatusLine).refresh()
            self.query_one(MessageLine).refresh(layout=True)
            self.query_one(KeyBar).refresh()

    def do(self, work: Coroutine[Any, Any, object], name: str) -> None:
        """Run `work` beside the screen; its failure is told, never raised into the app."""
        self.run_worker(work, name=name, group="steps", exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """The one place where a worker's failure ends."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.shared.failed(event.worker.error)

    def on_resize(self) -> None:
        """Say how much is missing when the window is too small."""
        self._too_small.update(
            f"{self.words('small.title')}\n\n{self.words('small.text', width=self.size.width, height=self.size.height)}"
        )


class CounterModal(ModalScreen[Result]):
    """A question or page above the counter. It refuses scans, and their Enter confirms nothing."""

    ACTS: ClassVar[tuple[Act, ...]] = ()
    BURSTS: ClassVar[scan.Bursts] = scan.Bursts.ANY

    def __init__(self, shared: Shared) -> None:
        super().__init__()
        self.shared = shared
        self.words = shared.words

    def works(self, action: str) -> bool:
        """Whether the key bar should offer this action now."""
        return bool(self.check_action(action, ()))

    def take_scan(self, code: str) -> None:
        """Refused aloud."""
        self.app.bell()
        self.shared.say(Notice("warning", "ask_first"))
