"""Commands that reach the ledger exactly once: each is made once and sent again until it is answered."""

from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import TypeVar

from msgspec import Struct

from backend.model.answers import Answer
from backend.model.commands import Command
from backend.model.errors import MostradorError
from backend.terminal.api import Api, ServerAway, SessionEnded

from .patience import PATIENCE_SECONDS, until_answered

T = TypeVar("T")


class Credentials(Struct, frozen=True):
    """Who the terminals sign in as."""

    user: str
    pin: str
    store_id: str


class Tally(Struct):
    """What all terminals have done so far. The terminals share it; they run on one event loop."""

    commands: int = 0
    retries: int = 0
    latencies: list[float] = []
    """Seconds from the first attempt to the answer, of each request."""


class Sender:
    """One terminal's line to the server."""

    def __init__(self, api: Api, credentials: Credentials, terminal_id: str, tally: Tally) -> None:
        """`open` it before the first `send`."""
        self._api = api
        self._credentials = credentials
        self._terminal_id = terminal_id
        self._tally = tally

    async def open(self) -> None:
        """Sign in, without a second attempt: a wrong PIN or address should be said at once."""
        try:
            await self._sign_in()
        except ServerAway as error:
            if error.code not in ("server_away", "connection_refused"):
                raise
            raise ServerAway(f"No server answers at {self._api.base_url}; start it or correct --server.") from error

    async def send(self, commands: Sequence[Command]) -> list[Answer]:
        """Returns the answers to `commands`. Raises what `Api.send` raises when it is not worth another try."""
        started = monotonic()
        answers = await self._until_answered(lambda: self._api.send(commands))
        self._tally.latencies.append(monotonic() - started)
        self._tally.commands += len(commands)
        return answers

    async def _sign_in(self) -> None:
        who = self._credentials
        await self._api.sign_in(who.user, who.pin, who.store_id, self._terminal_id)

    async def _until_answered(self, attempt: Callable[[], Awaitable[T]]) -> T:
        async def signed_in() -> T:
            while True:
                try:
                    return await attempt()
                except SessionEnded:
                    await self._until_answered(self._sign_in)
                    self._again()

        try:
            return await until_answered(signed_in, self._again)
        except MostradorError as error:
            if not error.retryable:
                raise
            waited = f"{self._api.base_url} gave no answer for {PATIENCE_SECONDS:.0f} s"
            raise ServerAway(f"{waited}; the replay stopped, what it sold stays sold.") from error

    def _again(self) -> None:
        self._tally.retries += 1
