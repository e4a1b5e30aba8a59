"""A question before something is thrown away. Enter and Esc keep it; only Delete does it."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from tui.actions import ASK, bindings
from tui.shared import Shared
from tui.widgets.chrome import KeyBar

from .base import CounterModal


class Ask(CounterModal[bool]):
    """Asks `question`; dismissed with whether to do it."""

    ACTS = ASK
    BINDINGS = bindings(ASK)

    def __init__(self, shared: Shared, question: str, detail: str) -> None:
        super().__init__(shared)
        self._question, self._detail = question, detail

    def compose(self) -> ComposeResult:
        """The question, what it is about, and the keys that answer it."""
        with Vertical(classes="dialog"):
            yield Static(self._question, classes="dialog-title", markup=False)
            yield Static(self._detail, markup=False)
            yield KeyBar(self.shared, self.ACTS, app_keys=False)

    def action_keep(self) -> None:
        """Change nothing."""
        self.dismiss(False)

    def action_throw(self) -> None:
        """Do it."""
        self.dismiss(True)
