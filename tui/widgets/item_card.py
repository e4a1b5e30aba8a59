"""The product in question: its stock here and in the other stores, moving live, and how sure we may be of it."""

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from backend.model.stock import StockRow
from backend.terminal.desk import Desk
from backend.terminal.live import Link
from backend.terminal.money import age
from backend.terminal.values import Product
from tui.words import Words

from .apart import told_apart
from .linegrid import Cell, Column, LineGrid

LOW = 3
"""Units available at which a number is marked LOW. The product's own levels come with reordering."""


class ItemCard(Vertical):
    """Shows one product. `show` draws it again whenever something about it changed."""

    COMPONENT_CLASSES = {"card--name", "card--number", "card--dim", "card--good", "card--warning", "card--bad"}  # noqa: RUF012
    DEFAULT_CSS = """
    ItemCard {
        background: $surface;
        padding: 0 1;
        .card--name { text-style: bold; color: $foreground; }
        .card--number { text-style: bold; color: $primary; }
        .card--dim { color: $text-muted; }
        .card--good { color: $text-success; text-style: bold; }
        .card--warning { color: $text-warning; text-style: bold; }
        .card--bad { color: $text-error; text-style: bold; }
        & > Static { height: auto; }
        & > LineGrid { background: $surface; height: 1fr; margin-top: 1; }
    }
    """

    def __init__(self, desk: Desk, words: Words) -> None:
        super().__init__()
        self._desk, self._words = desk, words
        self._product: Product | None = None
        self._rows: dict[str, StockRow] = {}
        self._shown: dict[Static, Text] = {}
        self._names = {store.id: store.name for store in desk.session.stores}
        self._head = Static(id="card-head", markup=False)
        self._nearby = Static(id="card-nearby", markup=False)
        columns = [Column(words("card.store"), 0), Column(words("sell.elsewhere"), 9, right=True)]
        self._stores = LineGrid(columns, self._store_cells, cursor=False, id="card-stores")

    def compose(self) -> ComposeResult:
        """Head, then the other stores: one line of them when there is little room, a list when there is more."""
        yield self._head
        yield self._nearby
        yield self._stores

    @property
    def product_id(self) -> str | None:
        """The product shown."""
        return self._product.id if self._product else None

    def show(self, product: Product | None) -> None:
        """Show `product` as it is known now."""
        self._product = product
        if product is None:
            self._put(self._head, Text(self._words("card.none"), self._look("dim")))
            self._put(self._nearby, Text())
            self._stores.show(())
            return
        rows = self._desk.live.view.elsewhere(self._desk.session.store_id, product.id)
        self._put(self._head, self._about(product))
        self._put(self._nearby, self._about_nearby(rows))
        self._rows = {row.store_id: row for row in rows}
        keys = list(self._rows)
        if keys != list(self._stores.keys):
            self._stores.show(keys)
        else:
            self._stores.redraw()

    def _put(self, place: Static, text: Text) -> None:
        """Show `text` there, if it is not shown already."""
        if self._shown.get(place) != text:
            self._shown[place] = text
            place.update(text)

    def _about(self, product: Product) -> Text:
        words, desk = self._words, self._desk
        text = Text(overflow="ellipsis", no_wrap=True).append(self._short_name(product), self._look("name"))
        code = f"\n{product.sku} · {words.price(product)}"
        text.append(f"{code} · {product.package_size}\n" if product.package_size else f"{code}\n", self._look("dim"))
        row = desk.live.view.row(desk.session.store_id, product.id)
        if row is None:
            return text.append(words("card.unknown"), self._look("dim"))
        here = desk.sellable(row)
        text.append(words.number(here), self._look("number")).append(f" {words('card.available', n=here)} ")
        if here <= LOW:
            look, word = ("bad", "card.out") if here <= 0 else ("warning", "card.low")
            text.append(f" ▲ {words(word)} ", self._look(look))
        if desk.live.link is Link.ONLINE and not desk.is_away:
            text.append(f" ● {words('card.live')}", self._look("good"))
        else:
            stale = words("card.stale", age=age(desk.stale_for))
            text.append(f" ◐ {stale}", self._look("warning"))
        details = [words("card.on_hand", n=row.on_hand), words("card.reserved", n=row.reserved)]
        if row.allocated:
            details.append(words("card.allocated", n=row.allocated))
        if row.unavailable:
            details.append(words("card.unavailable", n=row.unavailable))
        return text.append("\n" + " · ".join(details), self._look("dim"))

    def _short_name(self, product: Product) -> str:
        """Returns the name, without a part of its middle if it is too long: its end tells it from others."""
        room = self._head.size.width
        return told_apart([product.name], room)[product.name] if room else product.name

    def _about_nearby(self, rows: Sequence[StockRow]) -> Text:
        total = sum(max(0, row.available) for row in rows)
        if not total:
            return Text(self._words("card.nowhere") if rows else "", self._look("dim"))
        text = Text(self._words("card.elsewhere", n=total), no_wrap=True, overflow="ellipsis")
        named = " · ".join(
            f"{self._store_name(row.store_id)} {self._words.number(row.available)}"
            for row in rows[:3]
            if row.available > 0
        )
        return text.append(f"\n{named}", self._look("dim"))

    def _store_name(self, store_id: str) -> str:
        return self._names.get(store_id, store_id)

    def _store_cells(self, store_id: str) -> list[Cell]:
        row, words = self._rows[store_id], self._words
        number = words.number(row.available)
        units = Cell(number, "strong")
        if row.available <= 0:
            units = Cell(words("card.out"), "dim")
        elif row.available <= LOW:
            units = Cell(f"{words('card.low')} {number}", "warning")
        return [Cell(f"{store_id} {self._store_name(store_id)}"), units]

    def _look(self, name: str) -> Style:
        return self.get_component_rich_style(f"card--{name}", partial=True)
