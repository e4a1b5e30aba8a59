"""The first thing painted: the shop is being opened, and what it is doing meanwhile."""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from backend.model.errors import MostradorError
from backend.terminal.values import notice_of
from tui.actions import START, bindings
from tui.shared import Shared

from .base import TerminalScreen

BAR = 20
"""Cells of a progress bar."""
STEP = 22
"""Columns of a step\'s name; every name is shorter."""


class StartScreen(TerminalScreen[None]):
    """Shows progress until the shop is open. When that failed it says why; dismissed when the person tries again."""

    ACTS = START
    BINDINGS = bindings(START)

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._steps: dict[str, tuple[int, int]] = {}
        self._failed = False
        self._title = Static(self.words("start.title"), classes="dialog-title", markup=False)
        self._hint = Static(classes="dialog-hint", markup=False)
        self._progress = Static(id="start-progress", markup=False)

    def compose(self) -> ComposeResult:
        """Yields a box in the middle."""
        box = Vertical(self._title, self._hint, self._progress, classes="dialog")
        yield from self.framed(Vertical(box, classes="middle"))

    def report(self, step: str, done: int, total: int) -> None:
        """Show how far a step is. A step's first report ends the one before it."""
        self._steps[step] = (done, total)
        page = Text()
        for name, (so_far, whole) in self._steps.items():
            ready = so_far >= whole
            filled = round(BAR * so_far / whole) if whole else BAR
            page.append("✓ " if ready else "› ", "dim" if ready else "bold")
            page.append(f"{self.words.step(name):<{STEP}}")
            page.append("━" * filled, "bold").append("─" * (BAR - filled), "dim")
            page.append(f"  {self.words.number(so_far)} / {self.words.number(whole)}\n", "dim")
        if step == "catalogue":
            self._hint.update(self.words("start.wait"))
        self._progress.update(page)

    def fail(self, error: MostradorError) -> None:
        """Say why the shop could not be opened."""
        self._failed = True
        self._title.update(self.words("start.failed"))
        self._hint.update("")
        sentence = self.words.say(notice_of(error))
        details = error.message if sentence != error.message else ""
        self._progress.update(Text(f"✗ {sentence}\n\n").append(details, "dim"))
        self.refresh_chrome()

    @property
    def takes_keys(self) -> bool:
        """There is nothing to type here: text is meant for the sign-in."""
        return False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is something to try again only after a failure."""
        return self._failed if action == "reconnect" else True

    def action_reconnect(self) -> None:
        """Try again."""
        self.dismiss(None)
