"""The form of who joins a server: its address, tried before it is remembered."""

from collections.abc import Awaitable, Callable

from textual.widgets import Input

from backend.model.errors import MostradorError
from backend.terminal.values import Notice
from tui.shared import Shared

from .form import FormScreen

Join = Callable[[str], Awaitable[str]]
"""Asks the server at an address whether it is one; the address as it is to be remembered. Raises MostradorError."""


class JoinScreen(FormScreen[str]):
    """Dismissed with the address of a server that answers."""

    def __init__(self, shared: Shared, join: Join) -> None:
        self._join, self._url = join, Input(placeholder="http://shop.example:8000", id="url")
        words = shared.words
        super().__init__(shared, words("join.title"), words("join.hint"), [(words("join.url"), self._url)])

    async def send(self) -> str:
        """Ask the server."""
        return await self._join(self._url.value.strip())

    def failed(self, error: MostradorError) -> None:
        """Say what is to be done about the address."""
        code = {"invalid_input": "join_url", "server_away": "join_away"}.get(error.code)
        if code is None:
            super().failed(error)
        else:
            self.refuse(self._url, Notice("error", code))
