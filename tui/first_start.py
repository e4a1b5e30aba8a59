"""The program before there is a shop: asks what a new data directory is to open."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from textual import work

from backend.embedded.choice import DEMO, OWN, Choice
from tui.screens.found import Found, FoundScreen
from tui.screens.join import Join, JoinScreen
from tui.screens.welcome import Kind, WelcomeScreen

from .app import TerminalApp
from .words import Words, language


@dataclass(frozen=True)
class Ways:
    """What the choices that need more than a word are done with."""

    found: Found
    join: Join


class FirstStart(TerminalApp):
    """The frame of the program around the question; `chosen` is the answer, None of who left."""

    def __init__(self, ways: Ways, words: Words) -> None:
        super().__init__(_no_shop, data_dir=Path(), terminal_id="", words=words)
        self._ways = ways
        self.chosen: Choice | None = None

    @work(name="life", exit_on_error=False)
    async def life(self) -> None:
        """Ask until there is an answer."""
        marked: Kind = "demo"
        while self.chosen is None:
            marked = await self.push_screen_wait(WelcomeScreen(self.shared, marked))
            if marked == "demo":
                self.chosen = DEMO
            elif marked == "own":
                if await self.push_screen_wait(FoundScreen(self.shared, self._ways.found)):
                    self.chosen = OWN
            elif url := await self.push_screen_wait(JoinScreen(self.shared, self._ways.join)):
                self.chosen = Choice("server", url)
        self.exit()


async def _no_shop(_: Callable[[str, int, int], None]) -> str:
    raise AssertionError("there is no shop to open before one is chosen")


def ask(ways: Ways, lang: str | None) -> Choice | None:
    """Show the question until it is answered; None if the person leaves. Raises whatever nobody foresaw."""
    app = FirstStart(ways, Words(language(lang, os.environ)))
    app.run()
    for failure in app.shared.failures:
        raise failure
    return app.chosen
