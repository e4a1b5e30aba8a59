"""From the first paint to the counter: progress, failures, signing in, and what is remembered."""

import asyncio
from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input, Select

from backend.model.errors import MostradorError
from backend.terminal.journal import Journal
from backend.terminal.live import Link
from tests.terminal.fake_server import FakeServer
from tui.app import Report, TerminalApp
from tui.words import Words

from .conftest import Counter, Opening


class DatabaseNewer(MostradorError):
    code = "database_newer"


class Shop:
    """A shop that opens when the test lets it."""

    def __init__(self, data_dir: Path, bus: object) -> None:
        self.go_on = asyncio.Event()
        self.failure: MostradorError | None = None
        self.server = FakeServer()
        self.counter = Counter(data_dir, bus)  # type: ignore[arg-type]
        self.counter.server = self.server
        self.counter.app = TerminalApp(
            self.connect,
            data_dir=data_dir,
            terminal_id="T1",
            words=Words("es"),
            make_api=self.server.api,
        )

    async def connect(self, report: Report) -> str:
        await asyncio.to_thread(report, "catalogue", 6_149, 12_298)
        await self.go_on.wait()
        self.go_on.clear()
        if self.failure:
            raise self.failure
        return "http://server"


@pytest.fixture
def shop(tmp_path: Path, bus: object) -> Shop:
    return Shop(tmp_path, bus)


async def test_the_first_start_is_painted_at_once_and_shows_its_progress(shop: Shop) -> None:
    c = shop.counter
    async with c.app.run_test(size=(80, 24)) as c.pilot:
        await c.on("StartScreen")
        await c.shows("Abriendo la tienda", "Catálogo", "━━━━━━━━━━──────────", "6.149 / 12.298")
        shop.go_on.set()
        await c.on("SignInScreen")


async def test_a_shop_that_cannot_be_opened_says_why_and_is_tried_again(shop: Shop) -> None:
    c = shop.counter
    async with c.app.run_test(size=(80, 24)) as c.pilot:
        shop.failure = DatabaseNewer("/data/mostrador.db is of a newer version; update.")
        shop.go_on.set()
        await c.shows(
            "No se ha podido abrir la tienda", "de una versión más nueva", "/data/mostrador.db", "F9 Reintentar"
        )
        shop.failure = None
        await c.press("f9")
        shop.go_on.set()
        await c.on("SignInScreen")


async def test_a_server_that_is_away_at_the_start_is_tried_again(shop: Shop) -> None:
    c = shop.counter
    async with c.app.run_test(size=(80, 24)) as c.pilot:
        shop.server.away = True
        shop.go_on.set()
        await c.shows("El servidor no responde")
        shop.server.away = False
        await c.press("alt+p")
        shop.go_on.set()
        await c.on("SignInScreen")


async def test_a_damaged_terminal_file_stops_the_start_with_a_sentence(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "terminals").mkdir()
    (tmp_path / "terminals" / "T1.db").write_bytes(b"no database at all, but long enough to be read as one" * 20)
    c = shop.counter
    async with c.app.run_test(size=(80, 24)) as c.pilot:
        shop.go_on.set()
        await c.shows("está dañado", "F9 Reintentar")


async def test_leaving_while_the_shop_is_still_opening(shop: Shop) -> None:
    c = shop.counter
    async with c.app.run_test(size=(80, 24)) as c.pilot:
        await c.on("StartScreen")
        await c.press("ctrl+q")
        await c.until(lambda: not c.app.is_running)


async def test_the_demo_users_are_shown_only_in_the_demo(counter: Opening) -> None:
    async with counter(demo=True, signed_in=False) as c:
        await c.on("SignInScreen")
        await c.shows("ana, PIN 1234 (clerk)")
    async with counter(signed_in=False) as c:
        await c.on("SignInScreen")
        assert "1234" not in c.text


async def test_what_is_missing_or_wrong_is_said_and_the_field_is_ready(counter: Opening) -> None:
    async with counter(signed_in=False) as c:
        await c.on("SignInScreen")
        form = c.app.screen
        await c.press("f9")
        await c.shows("Choose a store first.")
        form.query_one("#store", Select).value = "292"
        await c.pilot.pause()
        assert c.app.focused is form.query_one("#user")
        await c.press("f9")
        await c.shows("Type your user and your PIN.")
        await c.press(*"ana", "enter")
        await c.press(*"0000", "enter")
        await c.shows("The user or the PIN is wrong; try again.")
        assert form.query_one("#pin", Input).value == ""
        assert "0000" not in c.text
        await c.press(*"1234", "enter")
        await c.on("SellScreen")
        await c.shows("Welcome, Ana.")


async def test_the_pin_is_never_shown(counter: Opening) -> None:
    async with counter(signed_in=False) as c:
        await c.on("SignInScreen")
        c.app.screen.query_one("#pin", Input).focus()
        await c.press(*"4711")
        assert "4711" not in c.text


async def test_a_prefixed_scan_at_the_sign_in_is_refused_aloud(counter: Opening) -> None:
    async with counter(signed_in=False) as c:
        await c.on("SignInScreen")
        c.app.screen.query_one("#pin", Input).focus()
        await c.press("ctrl+b", *"2000000010410", "enter")
        await c.shows("Sign in first; the scan was not taken.")
        assert c.app.screen.query_one("#pin", Input).value == ""


async def test_the_next_start_remembers_store_and_user_and_asks_for_the_pin(counter: Opening, tmp_path: Path) -> None:
    async with counter() as c:
        assert c.desk.session.store_id == "292"
    journal = Journal(tmp_path / "terminals" / "T1.db", "T1")
    assert (journal.recall("store"), journal.recall("user")) == ("292", "ana")
    journal.close()
    async with counter(signed_in=False) as c:
        await c.on("SignInScreen")
        await c.pilot.pause()
        assert c.app.focused is c.app.screen.query_one("#pin")
        await c.press(*"1234", "enter")
        await c.on("SellScreen")


async def test_user_and_pin_typed_at_once_sign_in(counter: Opening) -> None:
    async with counter(demo=True, signed_in=False) as c:
        await c.on("SignInScreen")
        assert c.app.screen.query_one("#store", Select).value == "292"
        await c.press(*"ana", "enter", *"1234", "enter")
        await c.on("SellScreen")
        assert c.desk.session.user == "ana"
    async with counter(demo=True, signed_in=False) as c:
        await c.on("SignInScreen")
        c.app.screen.query_one("#user", Input).value = ""
        c.app.screen.query_one("#user", Input).focus()
        await c.pilot.pause()
        await c.press(*"ana", "tab", *"1234", "enter")
        await c.on("SellScreen")
    async with counter(demo=True, signed_in=False) as c:
        await c.on("SignInScreen")
        await c.press(*"1234", "ctrl+j")
        await c.on("SellScreen")
    async with counter(demo=True, signed_in=False) as c:
        await c.on("SignInScreen")
        await c.press("shift+tab", *"luis", "enter", "ctrl+j", *"1234", "enter", "ctrl+j")
        await c.on("SellScreen")
        assert c.desk.session.user == "luis"


async def test_user_and_pin_pasted_with_their_line_ends_sign_in(counter: Opening) -> None:
    async with counter(demo=True, signed_in=False) as c:
        await c.on("SignInScreen")
        c.app.post_message(events.Paste("ana\r\n1234\r\n"))
        await c.on("SellScreen")


async def test_what_is_typed_while_the_shop_opens_waits_for_the_sign_in(shop: Shop) -> None:
    c = shop.counter
    c.app.shared.demo = True
    async with c.app.run_test(size=(80, 24)) as c.pilot:
        await c.on("StartScreen")
        await c.press(*"ana", "enter", *"1234", "enter")
        shop.go_on.set()
        await c.on("SellScreen")
        assert c.desk.session.user == "ana"


async def test_a_pin_typed_during_the_sign_in_is_never_shown_by_the_next_screen(counter: Opening) -> None:
    async with counter(demo=True, signed_in=False) as c:
        await c.on("SignInScreen")
        await c.press(*"ana", "enter", *"1234", "enter", *"1234", "enter", *"12")
        await c.on("SellScreen")
        await c.until(lambda: c.desk.live.link is Link.ONLINE)
        assert c.app.screen.query_one("#entry", Input).value == ""
        assert "1234" not in c.text
        await c.press("m")
        assert c.app.screen.query_one("#entry", Input).value == "m"


async def test_what_is_typed_during_a_sign_in_that_is_refused_is_the_next_pin(counter: Opening) -> None:
    async with counter(demo=True, signed_in=False) as c:
        await c.on("SignInScreen")
        await c.press(*"ana", "enter", *"0000", "enter", *"1234", "enter")
        await c.on("SellScreen")
