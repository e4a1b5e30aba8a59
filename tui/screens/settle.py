"""Settling one refused sale: why it need not be recorded, and who says so."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label, Static

from backend.model.conflicts import SettlingReason
from backend.terminal.desk import Desk
from backend.terminal.journal import KeptSale
from backend.terminal.settling import Settling
from backend.terminal.values import Approval, Notice
from tui import scan
from tui.actions import SETTLE, bindings
from tui.shared import Shared
from tui.type_ahead import when_typed
from tui.widgets.chrome import KeyBar
from tui.widgets.linegrid import Cell, Column, LineGrid

from .base import TerminalModal


class SettleScreen(TerminalModal[bool]):
    """Asks for a reason, and above a clerk's limit for a supervisor; dismissed with whether the sale is settled."""

    ACTS = SETTLE
    BINDINGS = bindings(SETTLE)
    BURSTS = scan.Bursts.NONE
    CSS_PATH = "settle.tcss"

    def __init__(self, shared: Shared, desk: Desk, sale: KeptSale) -> None:
        super().__init__(shared)
        self._desk, self._sale = desk, sale
        self._busy = True  # until the note has the focus
        self._with_supervisor = Settling.needs_approval(sale, desk.session)
        self._reasons = LineGrid([Column(self.words("settle.reason"), 0)], self._reason, id="settle-reasons")
        self._note = Input(id="settle-note", max_length=200, placeholder=self.words("settle.note.hint"))
        self._user = Input(id="settle-user", max_length=64)
        self._pin = Input(id="settle-pin", max_length=128, password=True)
        self._fields = [self._note, self._user, self._pin] if self._with_supervisor else [self._note]
        self._said = Static(id="settle-said", markup=False)

    def compose(self) -> ComposeResult:
        """Yields what is settled, the reasons, the note, and the supervisor where one is needed."""
        words, sale = self.words, self._sale
        what = words("settle.what", receipt=sale.receipt_number, total_cents=sale.total_cents)
        with Vertical(classes="dialog"):
            yield Static(words("settle.title"), classes="dialog-title", markup=False)
            yield Static(what, markup=False)
            yield self._reasons
            yield Horizontal(Label(words("settle.note")), self._note, classes="settle-field")
            if self._with_supervisor:
                yield Static(words("settle.supervisor.hint"), classes="dialog-hint", markup=False)
                yield Horizontal(Label(words("settle.supervisor")), self._user, classes="settle-field")
                yield Horizontal(Label(words("sign.pin")), self._pin, classes="settle-field")
            yield self._said
            yield KeyBar(self.shared, self.ACTS, app_keys=False)

    def on_mount(self) -> None:
        """Begin at the reasons; what is typed goes into the note."""
        self._reasons.show([reason.value for reason in SettlingReason])
        self.set_focus(self._note)
        self._go_on()

    @property
    def takes_keys(self) -> bool:
        """Not while it is being recorded: the next key is for the field that turns out to be wrong."""
        return self.is_mounted and not self._busy

    def _go_on(self) -> None:
        self._busy = False
        self.shared.keys.go_on()

    def _reason(self, key: str) -> list[Cell]:
        return [Cell(self.words(f"settle.reason.{key}"))]

    def action_up(self) -> None:
        """The reason above."""
        self._reasons.move(-1)

    def action_down(self) -> None:
        """The reason below."""
        self._reasons.move(+1)

    def action_enter(self) -> None:
        """Go to the next field."""
        if self.focused is not self._fields[-1]:
            self.focus_next()

    def action_settle(self) -> None:
        """Have it recorded."""
        if not self._busy:
            self._busy = True
            when_typed(self._fields, self._submit)

    def _submit(self) -> None:
        reason, note = SettlingReason(self._reasons.marked or SettlingReason.OTHER), self._note.value.strip()
        if reason is SettlingReason.OTHER and not note:
            self._tell(Notice("warning", "settle_note_missing"), self._note)
        elif self._with_supervisor and not (self._user.value.strip() and self._pin.value):
            self._tell(Notice("warning", "approval_needed"), self._pin if self._user.value.strip() else self._user)
        else:
            self.run_worker(self._settle(reason, note), name="settle", group="steps", exit_on_error=False)

    def _tell(self, notice: Notice, field: Input) -> None:
        self.shared.say(notice)
        self._said.update(f"▲ {self.words.say(notice)}")
        self.set_focus(field)
        self._go_on()

    async def _settle(self, reason: SettlingReason, note: str) -> None:
        approval = Approval(self._user.value.strip(), self._pin.value) if self._with_supervisor else None
        self._pin.value = ""
        self._said.update(self.words("settle.asking"))
        before = len(self.shared.messages)
        settled = False
        try:
            settled = await self._desk.settle(self._sale, reason, note, approval)
        finally:
            if settled:
                self.shared.keys.forget()  # the PIN may have been typed twice, and the next screen would show it
            else:
                self._go_on()
        if settled:
            self.dismiss(True)
        elif self.shared.messages and before:
            self._said.update(f"✗ {self.words.say(self.shared.messages[-1][1])}")

    def action_back(self) -> None:
        """Leave the sale on the list."""
        self.dismiss(False)
