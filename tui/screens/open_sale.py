"""A question after a sudden end: a sale was open when this terminal stopped; is the customer still here?"""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from backend.terminal.journal import OpenSale
from tui.actions import OPEN_SALE, bindings
from tui.shared import Shared
from tui.widgets.chrome import KeyBar

from .base import TerminalModal

SHOWN = 6
"""Lines named; the others are counted."""


class OpenSaleScreen(TerminalModal[bool]):
    """Dismissed with whether the clerk goes on with the sale."""

    ACTS = OPEN_SALE
    BINDINGS = bindings(OPEN_SALE)

    def __init__(self, shared: Shared, sale: OpenSale) -> None:
        super().__init__(shared)
        self._sale = sale

    def compose(self) -> ComposeResult:
        """Yields what was open, and the keys that answer."""
        words, sale = self.words, self._sale
        what = words(
            "open.what",
            clerk=sale.clerk,
            at=f"{sale.at.astimezone():%d-%m %H:%M}",
            lines=words("sell.lines", n=len(sale.wanted)),
            total_cents=sale.total_cents,
        )
        text = Text(f"{what}\n\n", overflow="ellipsis", no_wrap=True)
        for line in sale.wanted[:SHOWN]:
            text.append(f"{words.number(line.quantity):>4} × {line.product.name}\n")
        if len(sale.wanted) > SHOWN:
            text.append(f"       {words('open.more', n=len(sale.wanted) - SHOWN)}\n")
        with Vertical(classes="dialog"):
            yield Static(words("open.title"), classes="dialog-title", markup=False)
            yield Static(text, markup=False)
            yield Static(words("open.hint"), classes="dialog-hint", markup=False)
            yield KeyBar(self.shared, self.ACTS, app_keys=False)

    def action_take_up(self) -> None:
        """Go on with the sale."""
        self.dismiss(True)

    def action_give_back(self) -> None:
        """Give its units back."""
        self.dismiss(False)
