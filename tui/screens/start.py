"""The first thing painted: the shop is being opened, and what it is doing meanwhile."""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import LoadingIndicator, Static

from backend.model.errors import MostradorError
from tui.actions import START, bindings
from tui.screens.base import CounterScreen
from tui.shared import Shared

SHOWN = 6
"""Lines of progress on the screen."""


class StartScreen(CounterScreen[None]):
    """Shows progress until the shop is open. When that failed it says why; dismissed when the person tries again."""

    ACTS = START
    BINDINGS = bindings(START)

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._done: list[str] = []
        self._failed = False
        self._title = Static(self.words("start.title"), classes="dialog-title", markup=False)
        self._progress = Static(id="start-progress", markup=False)

    def compose(self) -> ComposeResult:
        """A box in the middle."""
        box = Vertical(self._title, LoadingIndicator(), self._progress, classes="dialog")
        yield from self.framed(Vertical(box, classes="middle"))

    def report(self, text: str) -> None:
        """Add a line of progress."""
        self._done.append(text)
        lines = self._done[-SHOWN:]
        page = Text()
        for line in lines[:-1]:
            page.append(f"✓ {line}\n", "dim")
        self._progress.update(page.append(f"› {lines[-1]}"))

    def fail(self, error: MostradorError) -> None:
        """Say why the shop could not be opened."""
        self._failed = True
        self._title.update(self.words("start.failed"))
        self.query_one(LoadingIndicator).display = False
        self._progress.update(Text(f"✗ {error.message}"))
        self.refresh_chrome()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is something to try again only after a failure."""
        return self._failed if action == "reconnect" else True

    def action_reconnect(self) -> None:
        """Try again."""
        self.dismiss(None)
