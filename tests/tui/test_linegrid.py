"""The table that is drawn row by row: what it draws again, and what a name that is too long still shows."""

from collections import Counter as Counts
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult

from backend.demo.names import product_names
from backend.demo.source import products
from tests.eventually import eventually
from tui.theme import THEME
from tui.widgets.apart import told_apart
from tui.widgets.linegrid import Cell, Column, LineGrid

from .conftest import LARGE, Opening

MILK = "2000000010410"


class Grid(LineGrid):
    """Counts how often each row is drawn."""

    def __init__(self, cells: Callable[[str], list[Cell]]) -> None:
        super().__init__([Column("Name", 0), Column("Here", 6, right=True)], cells)
        self.drawn: Counts[str] = Counts()

    def render_line(self, y: int):  # type: ignore[no-untyped-def]
        row = y - 1 + self.scroll_offset.y
        self.drawn[self.keys[row] if 0 <= row < len(self.keys) and y else ""] += 1
        return super().render_line(y)


class GridApp(App[None]):
    """A grid of fifty numbers on a screen of twenty lines."""

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(THEME)
        self.theme = THEME.name
        self.numbers = {f"row{i:02}": i for i in range(50)}
        self.grid = Grid(lambda key: [Cell(key), Cell(str(self.numbers[key]))])

    def compose(self) -> ComposeResult:
        yield self.grid

    def on_mount(self) -> None:
        self.grid.show(self.numbers)


async def test_only_rows_that_changed_are_drawn_again() -> None:
    app = GridApp()
    async with app.run_test(size=(40, 20)) as pilot:
        await pilot.pause()
        assert app.grid.drawn["row05"] >= 1
        app.grid.drawn.clear()
        app.numbers["row05"], app.numbers["row07"], app.numbers["row40"] = 50, 70, 400
        app.grid.redraw(["row05", "row06", "row40"])
        await eventually(lambda: app.grid.drawn["row05"])
        await pilot.pause()
        assert app.grid.drawn == {"row05": 1}
        app.grid.redraw()
        await eventually(lambda: app.grid.drawn["row07"])
        await pilot.pause()
        assert app.grid.drawn == {"row05": 1, "row07": 1}
        app.grid.drawn.clear()
        app.grid.redraw()
        app.grid.show(app.numbers)
        await pilot.pause()
        assert app.grid.drawn == {}
        app.grid.move(1)
        await eventually(lambda: app.grid.drawn["row01"])
        await pilot.pause()
        assert app.grid.drawn == {"row00": 1, "row01": 1}


async def test_rows_that_were_out_of_sight_are_current_when_they_come_into_it() -> None:
    app = GridApp()
    async with app.run_test(size=(40, 20)) as pilot:
        app.grid.move(49)
        await pilot.pause()
        app.grid.move(-49)
        await pilot.pause()
        app.numbers["row49"] = 4900
        app.grid.redraw(["row49"])
        app.grid.move(49)
        await pilot.pause()
        strips = app.screen._compositor.render_strips()
        assert any("4900" in strip.text for strip in strips)


async def test_a_change_of_stock_draws_one_result_again(counter: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    async with counter(LARGE) as c:
        await c.press("m")
        await c.shows("2 found", "Whole milk")
        await c.until(lambda: c.text.count("30") >= 2)
        drawn: Counts[str] = Counts()
        results = c.app.screen.query_one("#results", LineGrid)
        made = results._strip
        monkeypatch.setattr(
            results, "_strip", lambda cells, *rest: (drawn.update([cells[0][0].text]), made(cells, *rest))[1]
        )
        row = c.server.books.stock["406", "1041"]
        await c.bus.publish(type(row)("406", "1041", on_hand=4, version=row.version + 1))
        await c.until(lambda: drawn["Whole milk · 1 GAL"])
        assert drawn == {"Whole milk · 1 GAL": 1}


def alike() -> Iterator[list[str]]:
    names = sorted(product_names(products()).values())
    for word in ("milk", "salad", "candy", "soft drink", "cat food"):
        yield [name for name in names if word in name.lower()]


@pytest.mark.parametrize("size", [31, 32, 61])
def test_names_of_the_demo_that_differ_only_at_their_ends_are_told_apart(size: int) -> None:
    for names in alike():
        assert len(names) > 20
        shown = told_apart(names, size)
        assert len(set(shown.values())) == len(names)
        assert max(map(len, shown.values())) <= size


@given(st.lists(st.text("ab 果", max_size=40), max_size=8), st.integers(4, 30))
def test_whatever_is_cut_fits(texts: list[str], size: int) -> None:
    shown = told_apart(texts, size)
    assert shown.keys() == set(texts)
    assert all(text == short or ("…" in short and cell_len(short) <= size) for text, short in shown.items())


def test_the_end_is_kept_that_differs() -> None:
    names = [
        "Soft Drinks Carbonated 12 Pack Cola",
        "Soft Drinks Carbonated 12 Pack Lemon",
        "Soda",
        "Bread, brown and long",
    ]
    shown = told_apart(names, 20)
    assert [shown[name] for name in names] == [
        "Soft Drinks C…k Cola",
        "Soft Drinks C…Lemon",
        "Soda",
        "Bread, brown…d long",
    ]
