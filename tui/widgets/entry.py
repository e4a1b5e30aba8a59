"""The field where a clerk types: a search, or a quantity and a star before a scan."""

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Static

from backend.model.errors import MostradorError
from backend.terminal.entry import Entry, parse


class EntryInput(Input):
    """An input that gives the screen's keys to the screen, in the very order in which they were pressed.

    Keys that arrive at once (a scan and a finish, a word and Enter) wait in this widget's queue behind the characters
    before them. Were they taken earlier, as priority bindings are, Enter would come before the word it ends.
    """

    async def _on_key(self, event: events.Key) -> None:
        if not self.screen.is_current:
            event.stop()  # pressed before a question appeared: it is no answer, and no longer meant for here
            event.prevent_default()
            return
        active = self.screen.active_bindings.get(event.key)
        if active is not None and active.node is self.screen:
            event.stop()
            event.prevent_default()
            await self.app.run_action(active.binding.action, active.node)
        else:
            await super()._on_key(event)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """No key is only this field's: `_on_key` asks the screen first, which leaves what is typed to the field."""
        return False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enter, ↑ and ↓ are always the screen's, Delete while there is nothing to delete here."""
        return bool(self.value) if action == "delete_right" else not action.startswith(("submit", "scroll_", "page_"))


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
        self.input = EntryInput(placeholder=prompt, id="entry", select_on_focus=False)
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

    def clear(self, taken: str | None = None) -> None:
        """Empty the field and its note; of more than was `taken`, leave what was typed after it."""
        self.input.value = self.text.removeprefix(taken) if taken else ""
        self.note("")

    def show(self, text: str) -> None:
        """Put `text` into the field as if it had been typed."""
        self.input.value = text
        self.input.cursor_position = len(text)

    def note(self, text: str) -> None:
        """Show a remark at the right end."""
        self._note.update(text)
