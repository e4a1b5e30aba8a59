"""Sales whose receipt was given and that the server refused: a person looks, tries again, or settles them by hand."""

from rich.text import Text
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

from .base import CounterModal


class ConflictsScreen(CounterModal[None]):
    """The list of conflicts and, of the marked one, why it was refused."""

    ACTS = CONFLICTS
    BINDINGS = bindings(CONFLICTS)

    def __init__(self, shared: Shared, desk: Desk) -> None:
        super().__init__(shared)
        self._desk = desk
        columns = [Column(self.words("receipt.number"), 0), Column(self.words("sell.total"), 12, right=True)]
        self._list = LineGrid([Column("", 12), *columns], self._row, id="conflicts")
        self._why = Static(id="conflict-why", markup=False)

    def compose(self) -> ComposeResult:
        """The list above the reason."""
        with Vertical(classes="dialog -large"):
            yield Static(self.words("conflicts.title"), classes="dialog-title", markup=False)
            yield Static(self.words("conflicts.hint"), classes="dialog-hint", markup=False)
            yield self._list
            yield self._why
            yield KeyBar(self.shared, self.ACTS, app_keys=False)

    def on_mount(self) -> None:
        """Fill the list."""
        self._draw()

    @property
    def _marked(self) -> KeptSale | None:
        return next((x for x in self._desk.till.conflicts if str(x.id) == self._list.marked), None)

    def _row(self, key: str) -> list[Cell]:
        sale = next(x for x in self._desk.till.conflicts if str(x.id) == key)
        made = sale.made_at.astimezone()
        return [Cell(f"{made:%d-%m %H:%M}", "dim"), Cell(sale.receipt_number), Cell(self.words.money(sale.total_cents))]

    def _draw(self) -> None:
        if not self._desk.till.conflicts:
            self.dismiss(None)
            return
        self._list.show([str(x.id) for x in self._desk.till.conflicts])
        self._explain()

    def _explain(self) -> None:
        sale = self._marked
        if sale is None or sale.refusal is None:
            return
        refusal = sale.refusal
        text = Text("✗ ").append(self.words.say(Notice("error", refusal.code.value, {"message": refusal.message})))
        if refusal.lines:
            text = Text()
            for line in refusal.lines:
                sentence = self.words(
                    "conflicts.short", name=line.product_id, requested=line.requested, available=line.available
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
        if sale := self._marked:
            self._desk.till.retry(sale)
            self.shared.say(Notice("info", "sale_retried", {"receipt": sale.receipt_number}))
            self._draw()

    def action_settle(self) -> None:
        """Take the marked sale off the list: it was settled by hand."""
        if sale := self._marked:
            self._desk.till.settle(sale)
            self.shared.say(Notice("info", "sale_settled", {"receipt": sale.receipt_number}))
            self._draw()

    def action_back(self) -> None:
        """Close the list."""
        self.dismiss(None)
