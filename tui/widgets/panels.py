"""What stands in the middle when there are no lines: the last receipt, or an invitation; and the total below."""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Digits, Static

from backend.terminal.checkout import Outcome, Receipt
from tui.words import Words

GLYPHS = {Outcome.SOLD: "✓", Outcome.QUEUED: "◷", Outcome.REFUSED: "✗"}


class TotalBox(Vertical):
    """What the customer pays, large."""

    DEFAULT_CSS = """
    TotalBox {
        background: $surface;
        padding: 0 1;
        align-horizontal: right;
        & > Static { text-align: right; color: $text-muted; height: 1; }
        & > Digits { text-align: right; color: $accent; width: 100%; }
    }
    """

    def __init__(self, words: Words) -> None:
        super().__init__()
        self._words = words
        self._label = Static(markup=False)
        self._digits = Digits(words.money(0))
        self._shown: tuple[int, int, int] | None = None

    def compose(self) -> ComposeResult:
        """Yields a label above the digits."""
        yield self._label
        yield self._digits

    def show(self, total_cents: int, lines: int, units: int) -> None:
        """Show this total."""
        if self._shown != (total_cents, lines, units):
            self._shown = (total_cents, lines, units)
            words = self._words
            counts = [words("sell.lines", n=lines), words("sell.units", n=units)] if lines else []
            self._label.update(" · ".join([words("sell.due"), *counts]))
            self._digits.update(words.money(total_cents))


class RestPanel(Vertical):
    """Between two customers: the receipt just made in a frame of its own, or where to begin."""

    DEFAULT_CSS = """
    RestPanel {
        align: center middle;
        height: 1fr;
        & > Static { width: 64; max-width: 100%; height: auto; padding: 1 2; text-align: center; }
        &.-sold > Static { border: round $success; }
        &.-queued > Static { border: round $warning; }
        &.-refused > Static { border: round $error; }
    }
    """

    def __init__(self, words: Words) -> None:
        super().__init__(id="rest")
        self._words = words
        self._text = Static(markup=False)

    def compose(self) -> ComposeResult:
        """Yields one block of text."""
        yield self._text

    def show(self, receipt: Receipt | None) -> None:
        """Show the receipt, or the invitation when there is none."""
        words = self._words
        for state in Outcome:
            self.set_class(receipt is not None and receipt.outcome is state, f"-{state.value}")
        if receipt is None:
            self._text.update(Text().append(f"{words('sell.empty')}\n\n", "bold").append(words("sell.empty.hint")))
            return
        outcome = receipt.outcome.value
        text = Text().append(f"{GLYPHS[receipt.outcome]} {words(f'receipt.{outcome}')}\n\n", "bold")
        text.append(f"{words('receipt.number')}  {receipt.number}\n", "bold")
        counts = f"{words('sell.lines', n=receipt.lines)} · {words('sell.units', n=receipt.units)}"
        text.append(f"{words.money(receipt.total_cents)}   {counts}\n\n")
        text.append(words(f"receipt.{outcome}.hint"))
        self._text.update(text)
