"""The two tables of the sell screen: what is being sold, and what was found."""

from backend.terminal.desk import Desk
from backend.terminal.lines import CartLine, State
from backend.terminal.live import Link
from backend.terminal.money import age, countdown
from backend.terminal.values import Product
from tui.hold_watch import SOON
from tui.words import Words

from .linegrid import Cell, Column, LineGrid

ROOMY = 70
"""Cells from which a table has room for what the card beside it shows too."""


def label(product: Product) -> str:
    """Returns the product's name with its size, which many names have already."""
    size = product.package_size
    return product.name if not size or size.lower() in product.name.lower() else f"{product.name} · {size}"


class CartGrid(LineGrid):
    """The lines of the sale, each with the time its units are still held."""

    def __init__(self, desk: Desk, words: Words) -> None:
        self._desk, self._words = desk, words
        columns = [
            Column(words("sell.qty"), 6, right=True),
            Column(words("sell.product"), 0, texts=lambda: (label(line.product) for line in desk.cart.lines)),
            Column(words("sell.price"), 9, right=True, from_width=ROOMY),
            Column(words("sell.total"), 10, right=True),
            Column(words("sell.hold"), 16),
        ]
        super().__init__(columns, self._row, id="cart")

    def _row(self, product_id: str) -> list[Cell] | None:
        line, words = self._desk.cart.find(product_id), self._words
        if line is None:
            return None
        return [
            Cell(words.number(line.quantity), "strong"),
            Cell(label(line.product)),
            Cell(words.price(line.product), "dim"),
            Cell(words.money(line.total_cents)),
            self._hold(line),
        ]

    def _hold(self, line: CartLine) -> Cell:
        words, now = self._words, self._desk.now
        match line.state(now):
            case State.HELD if line.hold:
                left = line.hold.deadline - now
                if left < SOON:
                    return Cell(f"▲ {words('hold.ending', left=countdown(left))}", "warning")
                return Cell(f"◷ {words('hold.held', left=countdown(left))}", "good")
            case State.EXPIRED:
                return Cell(f"✗ {words('hold.expired')}", "bad")
            case State.SHORT if line.short:
                key = "hold.short" if line.short.available > 0 else "hold.none"
                return Cell(f"▲ {words(key, available=line.short.available)}", "bad")
            case State.KEPT:
                return Cell(f"◆ {words('hold.kept')}", "good")
            case _ if self._desk.is_away and self._desk.keeps(line):
                return Cell(f"◆ {words('hold.kept')}", "good")
            case _ if self._desk.is_away:
                return Cell(f"○ {words('hold.waiting')}", "warning")
            case _:
                return Cell(f"… {words('hold.holding')}", "dim")


class ResultsGrid(LineGrid):
    """Products that match what is being typed, with what is available here and elsewhere."""

    def __init__(self, desk: Desk, words: Words) -> None:
        self._desk, self._words = desk, words
        columns = [
            Column(words("sell.product"), 0, texts=lambda: map(label, desk.finder.found.values())),
            Column(words("sell.sku"), 9, texts=lambda: (product.sku for product in desk.finder.found.values())),
            Column(words("sell.price"), 8, right=True),
            Column(words("sell.here"), 9, right=True),
            Column(words("sell.age"), 5, right=True, from_width=ROOMY),
            Column(words("sell.elsewhere"), 9, right=True, from_width=ROOMY),
        ]
        super().__init__(columns, self._row, id="results")

    def _row(self, product_id: str) -> list[Cell] | None:
        desk, words = self._desk, self._words
        product = desk.finder.found.get(product_id)
        if product is None:
            return None
        own = desk.session.store_id
        row = desk.live.view.row(own, product_id) or (product.stock.row if product.stock else None)
        others = desk.live.view.elsewhere(own, product_id)
        here = Cell("?", "dim")
        if row is not None:
            out = desk.sellable(row) <= 0
            number = words.number(desk.sellable(row))
            here = Cell(f"▲ {words('card.out')}" if out else number, "bad" if out else "strong")
        fresh = desk.live.link is Link.ONLINE and not desk.is_away
        return [
            Cell(label(product)),
            Cell(product.sku, "dim"),
            Cell(words.price(product)),
            here,
            Cell("●", "good") if fresh else Cell(f"◐ {age(desk.stale_for)}", "warning"),
            Cell(words.number(sum(max(0, x.available) for x in others)) if others else "…", "dim"),
        ]
