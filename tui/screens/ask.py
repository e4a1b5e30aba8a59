"""A question before something is thrown away. Enter and Esc keep it; only Delete does it."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from tui.actions import ASK, Act, bindings
from tui.shared import Shared
from tui.widgets.chrome import KeyBar

from .base import TerminalModal


class Ask(TerminalModal[bool]):
    """Asks the question whose words are `topic`; dismissed with whether to do it."""

    ACTS = ASK
    BINDINGS = bindings(ASK)

    SCANS_REFUSED = "ask_first"

    def __init__(self, shared: Shared, topic: str, detail: str) -> None:
        super().__init__(shared)
        self._topic, self._detail = topic, detail

    def key_label(self, act: Act) -> str:
        """Returns what the key does to what is asked about."""
        return self.words(f"{self._topic}.{act.id}")

    def compose(self) -> ComposeResult:
        """Yields the question, what it is about, and the keys that answer it."""
        with Vertical(classes="dialog"):
            yield Static(self.words(self._topic), classes="dialog-title", markup=False)
            yield Static(self._detail, markup=False)
            yield KeyBar(self.shared, self.ACTS, app_keys=False)

    def action_keep(self) -> None:
        """Change nothing."""
        self.dismiss(False)

    def action_throw(self) -> None:
        """Do it."""
        self.dismiss(True)
