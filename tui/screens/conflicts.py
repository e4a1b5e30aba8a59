"""Sales whose receipt was given and that the server refused: a person looks, tries again, or settles them by hand."""

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from backend.terminal.desk import Desk
from backend.terminal.journal import KeptSale
from backend.terminal.values import Notice
from tui.actions import CONFLICTS, bindings
from tui.shared import Shared
from tui.widgets.chrome import KeyBar
from tui.widgets.linegrid import Cell, Column, LineGrid

from .base import TerminalModal
from .settle import SettleScreen


class ConflictsScreen(TerminalModal[None]):
    """The list of conflicts and, of the marked one, why it was refused."""

    ACTS = CONFLICTS
    BINDINGS = bindings(CONFLICTS)

    def __init__(self, shared: Shared, desk: Desk) -> None:
        super().__init__(shared)
        self._desk = desk
        columns = [Column(self.words("receipt.number"), 0), Column(self.words("sell.total"), 12, right=True)]
        columns.insert(1, Column("", 20))
        self._list = LineGrid([Column("", 12), *columns], self._row, id="conflicts")
        self._why = Static(id="conflict-why", markup=False)

    def compose(self) -> ComposeResult:
        """Yields the list above the reason."""
        with Vertical(classes="dialog -large"):
            yield Static(self.words("conflicts.title"), classes="dialog-title", markup=False)
            yield Static(self.words("conflicts.hint"), classes="dialog-hint", markup=False)
            yield self._list
            yield self._why
            yield KeyBar(self.shared, self.ACTS, app_keys=False)

    def on_mount(self) -> None:
        """Fill the list, and follow what becomes of its sales."""
        self._draw()
        self.set_interval(1, self._draw)
        self._learn_names()

    @work(exit_on_error=False)
    async def _learn_names(self) -> None:
        """Ask the server for the names of products that this terminal has never kept."""
        for sale in self._desk.checkout.conflicts:
            for line in sale.refusal.lines if sale.refusal else ():
                await self._desk.learn_name(line.product_id)
        self._explain()

    @property
    def _marked(self) -> KeptSale | None:
        return next((x for x in self._desk.checkout.conflicts if str(x.id) == self._list.marked), None)

    def _row(self, key: str) -> list[Cell]:
        sale = next(x for x in self._desk.checkout.conflicts if str(x.id) == key)
        made = sale.made_at.astimezone()
        waits = self.words("conflicts.waiting") if sale.id in self._desk.settling.waiting else ""
        total = Cell(self.words.money(sale.total_cents))
        return [Cell(f"{made:%d-%m %H:%M}", "dim"), Cell(sale.receipt_number), Cell(waits, "warning"), total]

    def _draw(self) -> None:
        if not self.is_current:
            return
        if not self._desk.checkout.conflicts:
            self.dismiss(None)
            return
        self._list.show([str(x.id) for x in self._desk.checkout.conflicts])
        self._explain()

    def _explain(self) -> None:
        sale = self._marked
        if sale is None or sale.refusal is None:
            return
        if (settled := self._desk.settling.waiting.get(sale.id)) is not None:
            reason = settled.note or self.words(f"settle.reason.{settled.reason.value}")
            self._why.update(f"◷ {self.words('conflicts.told', user=settled.settled_by, reason=reason)}")
            return
        refusal = sale.refusal
        text = Text("✗ ").append(self.words.say(Notice("error", refusal.code.value, {"message": refusal.message})))
        if refusal.lines:
            text = Text()
            for line in refusal.lines:
                sentence = self.words(
                    "conflicts.short",
                    name=self._desk.name_of(line.product_id),
                    requested=line.requested,
                    available=line.available,
                )
                text.append(f"✗ {sentence}\n")
        self._why.update(text)

    def action_up(self) -> None:
        """Mark the sale above."""
        self._list.move(-1)
        self._explain()

    def action_down(self) -> None:
        """Mark the sale below."""
        self._list.move(+1)
        self._explain()

    def action_retry(self) -> None:
        """Send the marked sale again under a new id."""
        sale = self._marked
        if sale is not None and sale.id in self._desk.settling.waiting:
            self.shared.say(Notice("info", "settle_waiting"))
        elif sale is not None:
            self._desk.checkout.retry(sale)
            self.shared.say(Notice("info", "sale_retried", {"receipt": sale.receipt_number}))
            self._draw()

    def action_settle(self) -> None:
        """Ask what was done about the marked sale; it leaves the list when the server has recorded that."""
        sale = self._marked
        if sale is not None and sale.id in self._desk.settling.waiting:
            self.shared.say(Notice("info", "settle_waiting"))
        elif sale is not None:
            self.app.push_screen(SettleScreen(self.shared, self._desk, sale), lambda _: self._draw())

    def action_back(self) -> None:
        """Close the list."""
        self.dismiss(None)
