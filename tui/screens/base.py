"""The frame of every screen: status line, body, message line, key bar, and a notice when the window is too small."""

from collections.abc import Coroutine
from typing import Any, ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.geometry import Size
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from backend.terminal.values import Notice
from tui import scan
from tui.actions import Act
from tui.shared import Shared
from tui.widgets.chrome import KeyBar, MessageLine, StatusLine
from tui.words import Words

Result = TypeVar("Result")
WIDTHS = [(0, "-tiny"), (80, "-narrow"), (100, "-wide"), (160, "-huge")]
HEIGHTS = [(0, "-short"), (24, "-tall")]
LEAST = Size(80, 24)
"""The smallest window that shows everything; in a smaller one no key acts."""


class TooSmall(Static):
    """What is shown instead of everything else in a window that is too small: how much is missing."""

    def __init__(self, words: Words) -> None:
        super().__init__(id="too-small", markup=False)
        self._words = words

    def on_resize(self) -> None:
        """Say how large the window is now."""
        window = self.app.size
        sentence = self._words("small.text", width=window.width, height=window.height)
        self.update(f"{self._words('small.title')}\n\n{sentence}")


class TerminalScreen(Screen[Result]):
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
        self._too_small = TooSmall(shared.words)

    def framed(self, body: Widget) -> ComposeResult:
        """Yields `body` with the chrome around it."""
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
        """Returns whether the key bar should offer this action now."""
        return bool(self.check_action(action, ()))

    def key_label(self, act: Act) -> str:
        """Returns what the key bar calls an action."""
        return self.words(f"key.{act.id}")

    def take_scan(self, code: str) -> None:
        """A scan arrived while this screen was on top."""
        self.shared.say(Notice("warning", "scan_not_here"))

    def refresh_chrome(self) -> None:
        """Draw the three lines again; the message may have grown or shrunk by a line."""
        if self.is_mounted:
            self.query_one(StatusLine).refresh()
            self.query_one(MessageLine).tell()
            self.query_one(KeyBar).refresh()

    def on_screen_suspend(self) -> None:
        """Another screen is on top: the key bar shows that one's keys."""
        self.refresh_chrome()

    def on_screen_resume(self) -> None:
        """This screen is on top again."""
        self.refresh_chrome()

    def do(self, work: Coroutine[Any, Any, object], name: str) -> None:
        """Run `work` beside the screen; its failure is told, never raised into the app."""
        self.run_worker(work, name=name, group="steps", exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """The one place where a worker's failure ends."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.shared.failed(event.worker.error)


class TerminalModal(ModalScreen[Result]):
    """A question or page above another screen. It refuses scans, and their Enter confirms nothing."""

    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    ACTS: ClassVar[tuple[Act, ...]] = ()
    BURSTS: ClassVar[scan.Bursts] = scan.Bursts.ANY
    SCANS_REFUSED: ClassVar[str] = "close_first"
    """What is said when something is scanned here."""

    def __init__(self, shared: Shared) -> None:
        super().__init__()
        self.shared = shared
        self.words = shared.words

    def on_mount(self) -> None:
        """Have the notice ready that takes the dialog's place in a window that is too small."""
        self.mount(TooSmall(self.words))

    def works(self, action: str) -> bool:
        """Returns whether the key bar should offer this action now."""
        return bool(self.check_action(action, ()))

    def key_label(self, act: Act) -> str:
        """Returns what the key bar calls an action."""
        return self.words(f"key.{act.id}")

    def take_scan(self, code: str) -> None:
        """Refused aloud."""
        self.app.bell()
        self.shared.say(Notice("warning", self.SCANS_REFUSED))
