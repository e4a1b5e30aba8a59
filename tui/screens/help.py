"""All keys of the screen below, and of the whole program."""

from rich.table import Table
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from tui.actions import APP, HELP, Act, bindings, key_names
from tui.shared import Shared
from tui.widgets.chrome import KeyBar

from .base import TerminalModal


class HelpScreen(TerminalModal[None]):
    """The help for `acts`."""

    ACTS = HELP
    BINDINGS = bindings(HELP)

    def __init__(self, shared: Shared, acts: tuple[Act, ...]) -> None:
        super().__init__(shared)
        self._acts = acts

    def compose(self) -> ComposeResult:
        """Yields one line per action: its keys, and what they do."""
        with Vertical(classes="dialog -large"):
            yield Static(self.words("help.title"), classes="dialog-title", markup=False)
            with VerticalScroll():
                yield Static(self._page(), markup=False)
            yield KeyBar(self.shared, self.ACTS, app_keys=False)

    def _page(self) -> Table:
        page = Table.grid(padding=(0, 3, 0, 0))
        page.add_column(style="bold", no_wrap=True)
        for act in (*self._acts, *APP):
            page.add_row(key_names(act.keys, self.words), self.words(f"key.{act.id}.help"))
        page.add_row()
        page.add_row("▌▎▌▍▎▌", self.words("help.scanner"))
        return page

    def action_back(self) -> None:
        """Close the page."""
        self.dismiss(None)
