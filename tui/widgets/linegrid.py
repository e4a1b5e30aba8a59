"""Rows that change live: only what is on the screen is drawn, and only the rows that changed are drawn again.

Textual's DataTable throws all its caches away with every cell that changes, which costs most of a core in a busy shop.
This one keeps a strip per visible row and asks its owner for the cells of a row when it needs them.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import ClassVar, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from .apart import told_apart

GUTTER = 2
"""Cells left of the first column, where the cursor's mark stands."""
GAP = 1


class Column(NamedTuple):
    """A column. Width 0 takes what the others leave; a grid narrower than `from_width` leaves the column out.

    `texts` gives the texts of all rows, for a column whose texts must not look alike where they are cut.
    """

    title: str
    width: int
    right: bool = False
    from_width: int = 0
    texts: Callable[[], Iterable[str]] | None = None


class Cell(NamedTuple):
    """Text and how it looks: one of "", "dim", "strong", "good", "warning", "bad"."""

    text: str
    look: str = ""


class LineGrid(ScrollView):
    """A table of rows named by key, with a cursor that belongs to whoever moves it; it never has the focus itself."""

    can_focus = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "linegrid--header",
        "linegrid--cursor",
        "linegrid--dim",
        "linegrid--strong",
        "linegrid--good",
        "linegrid--warning",
        "linegrid--bad",
    }
    DEFAULT_CSS = """
    LineGrid {
        background: $background;
        color: $foreground;
        scrollbar-size-vertical: 1;
        overflow-x: hidden;
        .linegrid--header { color: $text-muted; }
        .linegrid--cursor { background: $cursor; text-style: bold; }
        .linegrid--dim { color: $text-muted; }
        .linegrid--strong { text-style: bold; }
        .linegrid--good { color: $text-success; }
        .linegrid--warning { color: $text-warning; text-style: bold; }
        .linegrid--bad { color: $text-error; text-style: bold; }
    }
    """

    class RowChosen(Message):
        """A row was clicked; the cursor is on it."""

        def __init__(self, grid: "LineGrid", row: int) -> None:
            super().__init__()
            self.grid, self.row = grid, row

        @property
        def control(self) -> "LineGrid":
            """The grid."""
            return self.grid

    def __init__(
        self,
        columns: Sequence[Column],
        cells: Callable[[str], Sequence[Cell] | None],
        *,
        cursor: bool = True,
        id: str = "",
    ) -> None:
        super().__init__(id=id or None)
        self._columns, self._cells, self._has_cursor = columns, cells, cursor
        self._keys: list[str] = []
        self._strips: dict[tuple[str, bool], Strip] = {}
        self._drawn: dict[str, Sequence[Cell] | None] = {}
        """The cells that each row on the screen was drawn from."""
        self._apart: dict[Column, dict[str, str]] = {}
        """Texts as they are cut in the columns whose texts must differ."""
        self._cursor = 0

    @property
    def keys(self) -> Sequence[str]:
        """The rows, top to bottom."""
        return self._keys

    @property
    def marked(self) -> str | None:
        """The key under the cursor."""
        return self._keys[self._cursor] if self._keys else None

    @property
    def keys_in_sight(self) -> Sequence[str]:
        """The keys of the rows on the screen."""
        top = self.scroll_offset.y
        return self._keys[top : top + max(0, self.size.height - 1)]

    def show(self, keys: Iterable[str], mark: str | None = None) -> None:
        """Show these rows. The cursor goes to `mark`, else it stays on its row, else near where it was."""
        before, marked, top = list(self.keys_in_sight), self.marked, self.scroll_offset.y
        self._keys = list(keys)
        if self._apart and self._tell_apart():
            self._strips.clear()
            self.refresh()
        self._cursor = max(0, min(self._cursor, len(self._keys) - 1))
        wanted = mark if mark in self._keys else marked
        if wanted in self._keys:
            self._cursor = self._keys.index(wanted)
        self.virtual_size = Size(0, len(self._keys) + 1)
        self._keep_cursor_in_sight()
        if top == self.scroll_offset.y:
            rows = zip_longest(before, self.keys_in_sight)
            moved = {marked, self.marked} if marked != self.marked else set()
            for y, (old, new) in enumerate(rows, start=1):
                if old != new or new in moved:
                    self.refresh(Region(0, y, self.size.width, 1))
        else:
            self.refresh()
        self.redraw()

    def move(self, rows: int) -> None:
        """Move the cursor by so many rows; it stops at both ends."""
        self._goto(self._cursor + rows)

    def move_pages(self, pages: int) -> None:
        """Move the cursor by what is visible at once."""
        self.move(pages * max(1, self.size.height - 1))

    @property
    def rows_below(self) -> int:
        """Rows under the one with the cursor."""
        return len(self._keys) - 1 - self._cursor

    def redraw(self, keys: Iterable[str] | None = None) -> None:
        """Draw those of `keys` (all rows without it) again that are visible and do not look as they did."""
        wanted = {*self._keys, *self._drawn} if keys is None else set(keys)
        for y, key in enumerate(self.keys_in_sight, start=1):
            if key in wanted:
                wanted.discard(key)
                if key not in self._drawn or self._cells(key) != self._drawn[key]:
                    self._forget(key)
                    self.refresh(Region(0, y, self.size.width, 1))
        for key in wanted:
            self._forget(key)  # it is drawn when it comes into sight

    def _tell_apart(self) -> bool:
        """Cut the texts anew as the rows are now; returns whether any of them is cut differently."""
        before = self._apart
        self._apart = {
            column: told_apart(column.texts(), size) for column, size in self._sizes(self.size.width) if column.texts
        }
        return self._apart != before

    def _forget(self, key: str) -> None:
        self._drawn.pop(key, None)
        self._strips.pop((key, True), None)
        self._strips.pop((key, False), None)

    def notify_style_update(self) -> None:
        """The theme changed: all strips are of the old one."""
        super().notify_style_update()
        self._strips.clear()

    def on_resize(self) -> None:
        """Columns are as wide as the new size lets them be."""
        self._strips.clear()
        self._tell_apart()
        self._keep_cursor_in_sight()

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor on its row."""
        row = event.y - 1 + self.scroll_offset.y
        if event.y >= 1 and row < len(self._keys):
            self._goto(row)
            self.post_message(self.RowChosen(self, row))

    def _goto(self, row: int) -> None:
        row = max(0, min(row, len(self._keys) - 1))
        if row != self._cursor:
            before, self._cursor = self._cursor, row
            self._keep_cursor_in_sight()
            top = self.scroll_offset.y
            for changed in (before, row):
                self.refresh(Region(0, changed - top + 1, self.size.width, 1))

    def _keep_cursor_in_sight(self) -> None:
        rows = max(1, self.size.height - 1)
        top = self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, immediate=True)
        elif self._cursor >= top + rows:
            self.scroll_to(y=self._cursor - rows + 1, animate=False, immediate=True)

    def render_line(self, y: int) -> Strip:
        """Returns one line of the screen: the header, then rows from the scroll position on."""
        width, base = self.size.width, self.rich_style
        if y == 0:
            style = base + self.get_component_rich_style("linegrid--header", partial=True)
            texts = [(Cell(column.title), column) for column in self._columns]
            return self._strip(texts, " " * GUTTER, style, width)
        row = y - 1 + self.scroll_offset.y
        if row >= len(self._keys):
            return Strip.blank(width, base)
        key, marked = self._keys[row], self._has_cursor and row == self._cursor
        strip = self._strips.get((key, marked))
        if strip is None:
            style = base + self.get_component_rich_style("linegrid--cursor", partial=True) if marked else base
            values = self._cells(key)
            if values != self._drawn.get(key):
                self._forget(key)
            self._drawn[key] = values
            if values is None:
                return Strip.blank(width, base)  # it has gone, and the keys are not told yet
            cells = list(zip(values, self._columns, strict=True))
            strip = self._strip(cells, "▸ " if marked else " " * GUTTER, style, width)
            self._strips[key, marked] = strip
        return strip

    def _sizes(self, width: int) -> list[tuple[Column, int]]:
        """Returns the columns that a grid of this width has, each with its size."""
        shown = [column for column in self._columns if width >= column.from_width]
        fixed = GUTTER + GAP * len(shown) + sum(column.width for column in shown)
        return [(column, column.width or max(4, width - fixed)) for column in shown]

    def _strip(self, cells: Sequence[tuple[Cell, Column]], mark: str, style: Style, width: int) -> Strip:
        sizes = dict(self._sizes(width))
        segments = [Segment(mark, style)]
        for cell, column in cells:
            if column in sizes:
                text = self._apart.get(column, {}).get(cell.text, cell.text)
                look = (
                    self.get_component_rich_style(f"linegrid--{cell.look}", partial=True) if cell.look else Style.null()
                )
                segments.append(Segment(_fitted(text, sizes[column], column.right) + " " * GAP, style + look))
        return Strip(segments).adjust_cell_length(width, style)


def _fitted(text: str, size: int, right: bool) -> str:
    """Returns `text` in exactly `size` cells, cut with an ellipsis."""
    if cell_len(text) > size:
        text = set_cell_size(text, size - 1).rstrip() + "…"
    return " " * (size - cell_len(text)) + text if right else set_cell_size(text, size)
