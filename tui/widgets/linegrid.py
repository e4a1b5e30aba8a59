"""Rows that change live: only what is on the screen is drawn, and only the rows that changed are drawn again.

Textual's DataTable throws all its caches away with every cell that changes, which costs most of a core in a busy shop.
This one keeps a strip per visible row and asks its owner for the cells of a row when it needs them.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, NamedTuple

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

GUTTER = 2
"""Cells left of the first column, where the cursor's mark stands."""
GAP = 1


class Column(NamedTuple):
    """A column. Width 0 takes what the others leave; a grid narrower than `from_width` leaves the column out."""

    title: str
    width: int
    right: bool = False
    from_width: int = 0


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
        before = self.marked
        self._keys = list(keys)
        if mark in self._keys:
            before = mark
        self._strips.clear()
        self._cursor = max(0, min(self._cursor, len(self._keys) - 1))
        if before in self._keys:
            self._cursor = self._keys.index(before)
        self.virtual_size = Size(0, len(self._keys) + 1)
        self._keep_cursor_in_sight()
        self.refresh()

    def move(self, rows: int) -> None:
        """Move the cursor by so many rows; it stops at both ends."""
        self._goto(self._cursor + rows)

    def redraw(self, keys: Iterable[str] | None = None) -> None:
        """Draw the rows of `keys` again if they are visible; all rows without it."""
        wanted = set(self._keys if keys is None else keys)
        for key in wanted:
            self._strips.pop((key, True), None)
            self._strips.pop((key, False), None)
        for y, key in enumerate(self.keys_in_sight, start=1):
            if key in wanted:
                self.refresh(Region(0, y, self.size.width, 1))

    def notify_style_update(self) -> None:
        """The theme changed: all strips are of the old one."""
        super().notify_style_update()
        self._strips.clear()

    def on_resize(self) -> None:
        """Columns are as wide as the new size lets them be."""
        self._strips.clear()
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
        """One line of the screen: the header, then rows from the scroll position on."""
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
            if values is None:
                return Strip.blank(width, base)  # it has gone, and the keys are not told yet
            cells = list(zip(values, self._columns, strict=True))
            strip = self._strip(cells, "▸ " if marked else " " * GUTTER, style, width)
            self._strips[key, marked] = strip
        return strip

    def _strip(self, cells: Sequence[tuple[Cell, Column]], mark: str, style: Style, width: int) -> Strip:
        shown = [(cell, column) for cell, column in cells if width >= column.from_width]
        fixed = GUTTER + GAP * len(shown) + sum(column.width for _, column in shown)
        segments = [Segment(mark, style)]
        for cell, column in shown:
            size = column.width or max(4, width - fixed)
            look = self.get_component_rich_style(f"linegrid--{cell.look}", partial=True) if cell.look else Style.null()
            segments.append(Segment(_fitted(cell.text, size, column.right) + " " * GAP, style + look))
        return Strip(segments).adjust_cell_length(width, style)


def _fitted(text: str, size: int, right: bool) -> str:
    """`text` in exactly `size` cells, cut with an ellipsis."""
    if len(text) > size:
        text = set_cell_size(text, size - 1).rstrip() + "…"
    return text.rjust(size) if right else set_cell_size(text, size)
