"""The field where a clerk types: a search, or a quantity and a star before a scan."""

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Static

from backend.model.errors import MostradorError
from backend.terminal.entry import Entry, parse


class EntryField(Horizontal):
    """An input of one line, with a note at its right end."""

    DEFAULT_CSS = """
    EntryField {
        height: 1;
        background: $field;
        & > #entry-mark { width: 3; padding: 0 1; color: $primary; text-style: bold; }
        & > Input { width: 1fr; height: 1; padding: 0; background: $field; border: none; }
        & > Input:focus { border: none; }
        & > #entry-note { width: auto; padding: 0 1; color: $text-muted; }
    }
    """

    def __init__(self, prompt: str) -> None:
        super().__init__()
        self.input = Input(placeholder=prompt, id="entry", select_on_focus=False)
        self._note = Static(id="entry-note", markup=False)

    def compose(self) -> ComposeResult:
        """Mark, field, note."""
        yield Static("›", id="entry-mark")
        yield self.input
        yield self._note

    @property
    def text(self) -> str:
        """What was typed."""
        return self.input.value

    @property
    def parsed(self) -> Entry | None:
        """What was typed, split; None while it begins with an impossible quantity."""
        try:
            return parse(self.text)
        except MostradorError:
            return None

    def clear(self) -> None:
        """Empty the field and its note."""
        self.input.value = ""
        self.note("")

    def note(self, text: str) -> None:
        """Show a remark at the right end."""
        self._note.update(text)
