"""The body of the sell screen: what is being sold or found, what is known about it, and what it costs."""

from collections.abc import Iterable

from textual.containers import Container, Vertical
from textual.widgets import ContentSwitcher

from backend.terminal.cart import Touch
from backend.terminal.desk import Desk
from backend.terminal.entry import Entry
from backend.terminal.lines import CartLine
from backend.terminal.live import Link
from backend.terminal.values import Product
from tui.words import Words

from .entry import EntryField
from .item_card import ItemCard
from .linegrid import LineGrid
from .panels import RestPanel, TotalBox
from .tables import CartGrid, ResultsGrid


class SellBody(Container):
    """Draws `desk` as it is; one pane or two, as the style sheet finds room."""

    def __init__(self, desk: Desk, words: Words) -> None:
        self._desk, self._words = desk, words
        self._touched: Touch | None = None
        self._link: tuple[Link, bool] | None = None
        self.entry = EntryField(words("sell.prompt"))
        self.cart = CartGrid(desk, words)
        self.results = ResultsGrid(desk, words)
        self._rest = RestPanel(words)
        self._middle = ContentSwitcher(self._rest, self.cart, self.results, initial="rest")
        self._card = ItemCard(desk, words)
        self._total = TotalBox(words)
        side = Container(self._card, self._total, id="side")
        super().__init__(Vertical(self.entry, self._middle, id="work"), side)

    def draw(self, changed: Iterable[str] | None = None) -> None:
        """Show everything as it is now; of the results only those products whose stock `changed`, if that is known."""
        cart = self._desk.cart
        keys = [line.product.id for line in cart.lines]
        touched = cart.touched if cart.touched is not self._touched else None
        if touched is None and keys == list(self.cart.keys):
            self.cart.redraw()
        else:
            self.cart.show(keys, mark=touched.product_id if touched else None)
        self._touched = cart.touched
        link = self._desk.live.link, self._desk.is_away
        self.results.redraw(changed if link == self._link else None)
        self._link = link
        self._rest.show(self._desk.checkout.receipt)
        self._middle.current = "results" if self.is_searching else "cart" if cart.lines else "rest"
        self._total.show(cart.total_cents, len(cart.lines), cart.units)
        self._card.show(self.in_question)

    def show_found(self, *, more: bool = False) -> None:
        """Show the results of the last search, the best one marked; with `more`, those that came to be known since."""
        finder = self._desk.finder
        self.results.show(finder.found, mark=None if more else next(iter(finder.found), None))
        words = self._words
        self.entry.note(words("sell.found", shown=len(finder.found), n=finder.total) if finder.words else "")
        self.draw()

    @property
    def typed(self) -> Entry | None:
        """What is in the entry, split; None while it begins with an impossible quantity."""
        return self.entry.parsed

    @property
    def is_searching(self) -> bool:
        """Whether words are typed."""
        return bool(self.typed and self.typed.words)

    @property
    def grid(self) -> LineGrid:
        """The table that ↑ and ↓ move in."""
        return self.results if self.is_searching else self.cart

    @property
    def marked_line(self) -> CartLine | None:
        """The line of the sale under the cursor."""
        return self._desk.cart.find(self.cart.marked) if self.cart.marked else None

    @property
    def in_question(self) -> Product | None:
        """The product the card is about: the marked one."""
        if self.is_searching:
            return self._desk.finder.found.get(self.results.marked or "")
        return self.marked_line.product if self.marked_line else None
