"""The first start in a new data directory: the question, and the forms behind two of its answers."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widgets import Input

from backend.embedded.choice import DEMO, OWN, Choice
from backend.embedded.founding import NewShop, NotFounded
from backend.model.errors import InvalidInput, MostradorError
from backend.terminal.money import Lang
from tests.eventually import eventually
from tui.first_start import FirstStart, Ways
from tui.words import Words

from .conftest import LARGE, SMALL

SHOP = {"shop": "Ultramarinos", "currency": "eur", "admin": "eva", "pin": "open sesame", "again": "open sesame"}


class ServerAway(MostradorError):
    code = "server_away"


class First:
    """The question on a screen, and what its answers were done with."""

    def __init__(self, lang: Lang) -> None:
        self.founded: list[NewShop] = []
        self.joined: list[str] = []
        self.refusal: MostradorError | None = None
        self.app = FirstStart(Ways(self._found, self._join), Words(lang))
        self.pilot: Pilot[None]

    async def _found(self, shop: NewShop) -> None:
        self.founded.append(shop)
        if self.refusal is not None:
            raise self.refusal

    async def _join(self, url: str) -> str:
        self.joined.append(url)
        if self.refusal is not None:
            raise self.refusal
        return f"http://{url}"

    @property
    def text(self) -> str:
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())

    async def until(self, holds: Callable[[], object]) -> None:
        await eventually(lambda: self.app.shared.failures or holds())
        assert self.app.shared.failures == []

    async def on(self, screen: str) -> None:
        await self.until(lambda: type(self.app.screen).__name__ == screen)
        await self.pilot.pause()

    async def shows(self, *texts: str) -> None:
        await self.until(lambda: all(text in self.text for text in texts))

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def chooses(self, expected: Choice | None) -> None:
        await self.until(lambda: not self.app.is_running)
        assert self.app.chosen == expected

    def fill(self, values: dict[str, str]) -> None:
        for name, value in values.items():
            self.app.screen.query_one(f"#{name}", Input).value = value


@asynccontextmanager
async def first_start(size: tuple[int, int] = SMALL, lang: Lang = "en") -> AsyncIterator[First]:
    first = First(lang)
    async with first.app.run_test(size=size) as pilot:
        first.pilot = pilot
        await first.on("WelcomeScreen")
        yield first


async def test_the_demo_is_one_key_away() -> None:
    async with first_start() as first:
        await first.press("enter")
        await first.chooses(DEMO)
    assert (first.founded, first.joined) == ([], [])


async def test_a_shop_of_one_s_own_is_a_short_form() -> None:
    async with first_start() as first:
        await first.press("down", "enter")
        await first.on("FoundScreen")
        first.fill(SHOP)
        await first.press("f9")
        await first.chooses(OWN)
    assert first.founded == [NewShop("Ultramarinos", "EUR", "eva", "open sesame")]


async def test_a_form_typed_at_once_reaches_each_field() -> None:
    async with first_start() as first:
        await first.press("down", "enter")
        await first.on("FoundScreen")
        keys = [*"Ultramarinos", "enter", "tab", *"eva", "tab", *"open sesame", "enter", *"open sesame", "enter"]
        for key in keys:  # without the pauses that a person makes
            name = _character_to_key(key) if len(key) == 1 else key
            first.app.post_message(events.Key(name, key if len(key) == 1 else None))
        await first.chooses(OWN)
    assert first.founded == [NewShop("Ultramarinos", "EUR", "eva", "open sesame")]


@pytest.mark.parametrize(
    ("refusal", "field", "sentence"),
    [
        (NotFounded("invalid_input", "pin is too short.", "pin"), "pin", "needs 8 characters"),
        (NotFounded("invalid_input", "No currency.", "currency"), "currency", "three letters"),
        (NotFounded("invalid_input", "No name.", "name"), "admin", "no space, slash or colon"),
        (NotFounded("invalid_input", "Too long.", "store"), "shop", "at most 200 characters"),
        (NotFounded("disk_full", "The disk has no room.", ""), None, "no room"),
    ],
)
async def test_what_is_wrong_is_said_and_its_field_is_ready(
    refusal: NotFounded, field: str | None, sentence: str
) -> None:
    async with first_start() as first:
        await first.press("down", "enter")
        await first.on("FoundScreen")
        first.fill(SHOP)
        first.refusal = refusal
        await first.press("f9")
        await first.shows(sentence)
        if field is not None:
            assert first.app.focused is first.app.screen.query_one(f"#{field}")
        first.refusal = None
        await first.press("f9")
        await first.chooses(OWN)


async def test_the_secret_is_typed_twice_and_never_shown() -> None:
    async with first_start() as first:
        await first.press("down", "enter")
        await first.on("FoundScreen")
        await first.press("f9")
        await first.shows("Something is missing")
        first.fill(SHOP | {"again": "open simsim"})
        await first.press("f9")
        await first.shows("not the same")
        assert first.app.focused is first.app.screen.query_one("#again")
        assert "sesame" not in first.text
        assert "simsim" not in first.text
        await first.press("escape")
        await first.on("WelcomeScreen")
        await first.shows("A shop of my own")
        await first.press("ctrl+q")
        await first.chooses(None)
    assert first.founded == []


async def test_a_server_is_tried_before_it_is_chosen() -> None:
    async with first_start() as first:
        await first.press("down", "down", "enter")
        await first.on("JoinScreen")
        first.fill({"url": "shop"})
        first.refusal = InvalidInput("server", "shop is no server's address.")
        await first.press("f9")
        await first.shows("like http://shop.example:8000; correct it")
        first.refusal = ServerAway("It does not answer.")
        await first.press("enter")
        await first.shows("No server answers there")
        first.refusal = None
        first.fill({"url": "shop:8000"})
        await first.press("f9")
        await first.chooses(Choice("server", "http://shop:8000"))


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("lang", ["en", "es"])
async def test_every_line_of_it_fits(size: tuple[int, int], lang: Lang) -> None:
    words = Words(lang)
    async with first_start(size, lang) as first:
        await first.shows(words("welcome.demo.detail"), words("welcome.own.detail"), words("welcome.server.detail"))
        await first.shows(words("key.pick"), words("key.help"))
        await first.press("down", "enter")
        await first.on("FoundScreen")
        for label in ("shop", "currency", "admin", "pin", "again"):
            assert words(f"found.{label}") in first.text
        assert words("found.hint").split()[-1] in first.text
        assert f"F9 {words('key.send')}" in first.text
        await first.press("f1")
        await first.on("HelpScreen")
        await first.shows(words("key.send.help"))


def test_nothing_of_a_database_is_loaded(tmp_path: Path) -> None:
    from tests.terminal.test_import_hygiene import FORBIDDEN, imported_by

    modules = imported_by("import tui.first_start, backend.cli.terminal")
    assert "textual" in modules
    assert not modules & (FORBIDDEN - {"textual", "tui"})
