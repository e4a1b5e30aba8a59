"""The first screen in a new data directory: the demo, a shop of one's own, or a server to join."""

from typing import Literal

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.actions import WELCOME, bindings
from tui.shared import Shared

from .base import TerminalScreen

Kind = Literal["demo", "own", "server"]
KINDS: tuple[Kind, ...] = ("demo", "own", "server")


class WelcomeScreen(TerminalScreen[Kind]):
    """Dismissed with what the person chooses. The demo is marked, so Enter alone opens it."""

    ACTS = WELCOME
    BINDINGS = bindings(WELCOME)
    CSS_PATH = "welcome.tcss"

    def __init__(self, shared: Shared, marked: Kind = "demo") -> None:
        super().__init__(shared)
        self._choices = OptionList(*(self._option(kind) for kind in KINDS), id="choices")
        self._choices.highlighted = KINDS.index(marked)

    def _option(self, kind: Kind) -> Option:
        words = {
            "demo": (self.words("welcome.demo"), self.words("welcome.demo.detail")),
            "own": (self.words("welcome.own"), self.words("welcome.own.detail")),
            "server": (self.words("welcome.server"), self.words("welcome.server.detail")),
        }
        title, detail = words[kind]
        return Option(Text(f"{title}\n", "bold").append(f"{detail}\n", "not bold dim"), id=kind)

    def compose(self) -> ComposeResult:
        """Yields a box in the middle, with three choices."""
        title = Static(self.words("welcome.title"), classes="dialog-title", markup=False)
        hint = Static(self.words("welcome.hint"), classes="dialog-hint", markup=False)
        yield from self.framed(Vertical(Vertical(title, hint, self._choices, classes="dialog"), classes="middle"))

    def on_mount(self) -> None:
        """The keys move the mark."""
        self._choices.focus()

    @on(OptionList.OptionSelected, "#choices")
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(KINDS[event.option_index])

    def action_choose(self) -> None:
        """Take the marked choice."""
        self._choices.action_select()

    def action_up(self) -> None:
        """Mark the choice above."""
        self._choices.action_cursor_up()

    def action_down(self) -> None:
        """Mark the choice below."""
        self._choices.action_cursor_down()
