"""A short form in the middle of the screen, whose fields are sent together and whose errors lead back to a field."""

from abc import abstractmethod
from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label, Static

from backend.model.errors import MostradorError
from backend.terminal.values import Notice, notice_of
from tui.actions import FORM, bindings
from tui.shared import Shared
from tui.type_ahead import when_typed

from .base import Result, TerminalScreen


class FormScreen(TerminalScreen[Result | None]):
    """Dismissed with what `send` answers, or with None by who goes back."""

    ACTS = FORM
    BINDINGS = bindings(FORM)
    CSS_PATH = "form.tcss"

    def __init__(self, shared: Shared, title: str, hint: str, fields: Sequence[tuple[str, Input]]) -> None:
        super().__init__(shared)
        self._title, self._hint, self._fields = title, hint, fields
        self._busy = True  # until the first field has the focus

    def compose(self) -> ComposeResult:
        """Yields a box with a row for each field."""
        rows = [Horizontal(Label(label), field, classes="field") for label, field in self._fields]
        title = Static(self._title, classes="dialog-title", markup=False)
        hint = Static(self._hint, classes="dialog-hint", markup=False)
        yield from self.framed(Vertical(Vertical(title, *rows, hint, classes="dialog"), classes="middle"))

    def on_mount(self) -> None:
        """Begin with the first field that is empty."""
        self.set_focus(next((field for _, field in self._fields if not field.value), self._fields[0][1]))
        self._go_on()

    @property
    def takes_keys(self) -> bool:
        """Not while the form is being sent: the next key is for the field that turns out to be wrong."""
        return self.is_mounted and not self._busy

    def _go_on(self) -> None:
        self._busy = False
        self.shared.keys.go_on()

    def action_enter(self) -> None:
        """Go to the next field; from the last one, send the form."""
        if self.focused is self._fields[-1][1]:
            self.action_send()
        else:
            self.focus_next()

    def action_send(self) -> None:
        """Send what the form says, unless something of it is missing or wrong."""
        if not self._busy:
            self._busy = True
            when_typed((field for _, field in self._fields), self._submit)

    def _submit(self) -> None:
        wrong = self.wrong()
        if wrong is not None:
            self.refuse(*wrong)
            self._go_on()
        else:
            self.do(self._try(), "form")

    def action_back(self) -> None:
        """Leave the form without sending it."""
        if not self._busy:
            self.dismiss(None)

    def refuse(self, field: Input, notice: Notice) -> None:
        """Say what is wrong and go to the field."""
        self.shared.say(notice)
        self.set_focus(field)

    def wrong(self) -> tuple[Input, Notice] | None:
        """Returns what can be seen to be missing or wrong before the form is sent."""
        return next(((field, Notice("warning", "form_missing")) for _, field in self._fields if not field.value), None)

    @abstractmethod
    async def send(self) -> Result:
        """Do what the form is for. Raises MostradorError."""

    def failed(self, error: MostradorError) -> None:
        """Say why it could not be done."""
        self.shared.say(notice_of(error))

    async def _try(self) -> None:
        self.shared.say(Notice("info", "form_sent"))
        try:
            done = await self.send()
        except MostradorError as error:
            self.failed(error)
            self._go_on()
        else:
            self.shared.keys.forget()  # a secret may have been typed twice, and the next screen would show it
            self.dismiss(done)
