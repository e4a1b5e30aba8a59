"""How the screens look: their text, kept in tests/tui/snapshots, in both languages and at both ends of the sizes."""

from collections.abc import Callable

import pytest
from textual.color import Color

from backend.terminal.money import Lang
from tui.theme import THEME
from tui.widgets.linegrid import LineGrid

from .conftest import LARGE, SMALL, Counter, Opening

MILK, EGGS, OIL = "2000000010410", "2000000010434", "2000000010441"
Snapshot = Callable[[str, str], None]


async def one_sale(c: Counter, look: Callable[[str], None]) -> None:
    """A whole sale with everything that can be seen on the way."""
    look("ready")
    await c.press(*"milk")
    await c.until(lambda: c.text.count("30") >= 2)
    look("searching")
    await c.press("enter")
    await c.press(*"3*")
    c.scan(EGGS)
    await c.until(lambda: len(c.desk.cart.lines) == 2)
    c.scan(OIL)
    await c.until(lambda: len(c.desk.cart.lines) == 3)
    await c.until(lambda: "Olive" in c.message and ": " in c.message and "added" not in c.message)
    await c.settled()
    c.pass_time(75)
    await c.until(lambda: "13:45" in c.text)
    look("cart")
    await c.press("escape")
    await c.on("Ask")
    look("question")
    await c.press("enter")
    await c.on("SellScreen")
    await c.press("f1")
    await c.on("HelpScreen")
    look("help")
    await c.press("escape")
    await c.on("SellScreen")
    await c.press("delete")
    await c.settled()
    await c.press("-")
    await c.settled()
    await c.press("f9")
    await c.until(lambda: c.desk.checkout.receipt)
    look("receipt")


@pytest.mark.slow
@pytest.mark.parametrize(("size", "lang"), [(SMALL, "en"), (LARGE, "es")])
async def test_a_sale_looks_as_it_did(counter: Opening, snapshot: Snapshot, size: tuple[int, int], lang: Lang) -> None:
    async with counter(size, lang=lang, demo=True, signed_in=False) as c:

        def look(name: str) -> None:
            snapshot(f"{name}-{size[0]}-{lang}", c.text)

        await c.on("SignInScreen")
        look("sign-in")
        await c.sign_in()
        await one_sale(c, look)


async def test_the_smallest_window_shows_ten_lines_of_a_sale(counter: Opening) -> None:
    async with counter(SMALL) as c:
        for code in ("2000000010410", "2000000010427", "2000000010434", "2000000010458", "2000000010465"):
            c.scan(code)
        await c.until(lambda: len(c.desk.cart.lines) == 5)
        assert c.app.screen.query_one("#cart").size.height - 1 >= 10


@pytest.mark.slow
@pytest.mark.parametrize("size", [(79, 24), (80, 23), (30, 5), (1, 1)])
async def test_a_window_that_is_too_small_says_so_and_loses_nothing(counter: Opening, size: tuple[int, int]) -> None:
    async with counter(SMALL) as c:
        c.scan(MILK)
        await c.shows("HOLD 15:00")
        await c.pilot.resize_terminal(*size)
        await c.pilot.pause()
        assert "HOLD" not in c.text
        if size[0] >= 30:
            assert "too small" in c.text
        await c.press("+", "delete", *"milk", "enter", "escape", "delete", "f9", "f1", "ctrl+q")
        c.scan(EGGS)
        await c.pilot.pause()
        assert c.desk.cart.units == 1
        assert type(c.app.screen).__name__ == "SellScreen"
        await c.pilot.resize_terminal(*SMALL)
        await c.shows("HOLD 15:00", "Whole milk")


@pytest.mark.slow
@pytest.mark.parametrize("size", [SMALL, (100, 30), (160, 48), (240, 60)])
async def test_no_line_is_wider_than_the_window(counter: Opening, size: tuple[int, int]) -> None:
    async with counter(size, lang="es") as c:
        c.scan(OIL)
        await c.until(lambda: "En otras tiendas" in c.message)
        lines = c.text.splitlines()
        assert len(lines) == size[1]
        assert max(len(line) for line in lines) <= size[0]
        assert lines[-1].endswith("F1 Ayuda")


async def test_a_question_in_a_window_that_is_too_small_is_neither_shown_nor_answered(counter: Opening) -> None:
    async with counter(SMALL) as c:
        c.scan(MILK)
        await c.shows("HOLD 15:00")
        await c.press("escape")
        await c.shows("Throw this sale away?")
        await c.pilot.resize_terminal(60, 20)
        await c.until(lambda: "too small" in c.text and "Throw" not in c.text)
        await c.press("delete")
        await c.pilot.resize_terminal(*SMALL)
        await c.shows("Throw this sale away?")
        assert c.desk.cart.units == 1


async def test_a_window_that_is_too_small_can_be_left_while_no_sale_is_open(counter: Opening) -> None:
    async with counter(SMALL) as c:
        await c.pilot.resize_terminal(60, 20)
        await c.shows("too small")
        await c.press("ctrl+q")
        await c.until(lambda: not c.app.is_running)


async def test_every_look_can_be_read_on_the_row_with_the_cursor(counter: Opening) -> None:
    async with counter(SMALL) as c:
        grid = c.app.screen.query_one("#cart", LineGrid)
        assert "text-muted" in (THEME.variables or {})
        for row in (grid.rich_style, grid.rich_style + grid.get_component_rich_style("linegrid--cursor", partial=True)):
            for name in sorted(grid.COMPONENT_CLASSES - {"linegrid--cursor"}):
                style = row + grid.get_component_rich_style(name, partial=True)
                assert _contrast(style.color, style.bgcolor) >= 4.5, (name, style)


@pytest.mark.slow
async def test_without_colour_everything_can_still_be_read(counter: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with counter(LARGE) as c:
        assert c.app.no_color
        c.scan(MILK)
        c.scan(OIL)
        await c.shows("NONE HERE", "HOLD 15:00", "▲ OUT", "● LIVE", "● ONLINE", "✗ Olive oil")
        faint = [
            segment.text
            for strip in c.app.screen._compositor.render_strips()
            for segment in strip
            if segment.text.strip() and segment.style and _contrast(segment.style.color, segment.style.bgcolor) < 3
        ]
        assert [text for text in faint if any(x.isalnum() for x in text)] == []


def _contrast(front: object, back: object) -> float:
    """The contrast ratio of WCAG 2 between two Rich colours."""
    first, second = sorted((_luminance(str(front)), _luminance(str(back))), reverse=True)
    return (first + 0.05) / (second + 0.05)


def _luminance(name: str) -> float:
    color = Color.parse(name.split("'")[1] if "'" in name else THEME.foreground or "white")
    parts = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in color.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
