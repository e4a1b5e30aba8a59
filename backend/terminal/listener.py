"""Listening to changes: one NATS connection for a session, made again for ever, and how sure of it one may be.

Whatever a connection missed is caught up with over HTTP whenever it is made. NATS is imported in a thread when it is
first needed: the first screen does not wait for it.
"""

import asyncio
import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from time import monotonic
from typing import TYPE_CHECKING

from backend.model.errors import MostradorError
from backend.trust import client_context

from .api import Api, ServerAway, ServerRefused, SessionEnded
from .values import LiveAddress, Session

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

PAUSES = (0.25, 0.5, 1, 2, 4, 8)
"""Seconds before each new attempt to connect; the last one repeats."""
BEAT = 1.0
"""Seconds without a word from the server after which it is asked whether it is there."""
SILENCE = 2.0
"""Seconds without an answer after which it is not."""
SLOWEST_PROBE = 2.0
"""Seconds between two looks for a server that went away while events still arrive."""


class Link(StrEnum):
    """How current the stock on the screen is."""

    CONNECTING = "connecting"
    ONLINE = "online"
    """Every change arrives within moments."""
    DEGRADED = "degraded"
    """The server answers, but changes do not arrive: numbers have an age."""
    OFFLINE = "offline"
    """The server does not answer."""


class Listener(ABC):
    """Hears what happens while `run` runs. `changed` is set whenever something is to be drawn again."""

    def __init__(self, api: Api, session: Session, terminal_id: str) -> None:
        self.link = Link.CONNECTING
        self.changed = asyncio.Event()
        self._api, self._session, self._terminal_id = api, session, terminal_id
        self.is_doubted: Callable[[], bool] = lambda: False
        """Says that somebody else knows better: then no number counts as current, whatever is heard here."""
        self.came_back: Callable[[], None] = lambda: None
        """Called when a server that was away answers again."""
        self._again = asyncio.Event()

    @abstractmethod
    def _subjects(self, address: LiveAddress) -> Sequence[str]:
        """Returns what to listen to."""

    @abstractmethod
    async def _on_message(self, message: "Msg") -> None:
        """Take in what was heard."""

    @abstractmethod
    async def _catch_up(self, *, listening: bool) -> None:
        """Fetch what was missed until now; with `listening`, what comes from now on is heard.

        Raises what `Api` raises.
        """

    @abstractmethod
    def _confirm(self) -> None:
        """All numbers are current now. Only this makes them younger: an age never jumps back while nobody answers."""

    def check(self) -> None:
        """Somebody noticed that the server went away or came back: look at once."""
        self._again.set()

    async def run(self) -> None:
        """Connect, listen, and connect again, for ever. Returns only when the session ends (SessionEnded is raised)."""
        failures = 0
        while True:
            self._again.clear()
            if await self._listen_once():
                failures = 0
            # Not wait_for: until Python 3.12 it loses a cancellation that comes together with the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSES[min(failures, len(PAUSES) - 1)]):
                    await self._again.wait()
            failures += 1

    async def _listen_once(self) -> bool:
        """Returns one connection from beginning to end. Returns whether it ever was online."""
        try:
            async with asyncio.timeout(SILENCE):
                address = await self._api.live()
            if self.link is Link.OFFLINE:
                self._became(Link.DEGRADED)
            await self._catch_up(listening=False)
        except SessionEnded:
            raise
        except (ServerAway, TimeoutError):
            self._became(Link.OFFLINE)
            return False
        except MostradorError:  # it has another worry, but it is there
            self._became(Link.DEGRADED)
            return False
        nats = await asyncio.to_thread(importlib.import_module, "nats")

        async def closed() -> None:
            self._again.set()

        async def trouble(_error: Exception) -> None:
            """Every way a connection can fail also closes it, which is all that matters here."""

        token = self._api.token
        try:
            secure = address.nats_url.startswith(("tls:", "wss:"))
            tls = {"tls": await asyncio.to_thread(client_context)} if secure else {}
        except MostradorError:  # no authorities to believe: the numbers are asked for over HTTP
            return True
        try:
            client: Client = await nats.connect(
                address.nats_url.split(","),
                token=token,
                name=f"{self._session.user}@{self._terminal_id}",
                inbox_prefix=f"_INBOX.{self._session.user}-{self._terminal_id}".encode(),
                allow_reconnect=False,
                # Without these nats-py tries a dead address for two minutes before it says so.
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=3,
                ping_interval=1,
                max_outstanding_pings=2,
                closed_cb=closed,
                disconnected_cb=closed,
                error_cb=trouble,
                **tls,
            )
        except (OSError, nats.errors.Error, TimeoutError, ValueError):
            self._became(Link.DEGRADED)
            return False
        try:
            await self._subscribe(client, address)
            await self._catch_up(listening=True)
            self._became(Link.ONLINE)
            if not await self._beat(client, token) and self.link is not Link.OFFLINE:
                self._became(Link.DEGRADED)
            return True
        except SessionEnded:
            raise
        except ServerAway:
            self._became(Link.OFFLINE)
        except (MostradorError, OSError, nats.errors.Error, TimeoutError):
            self._became(Link.DEGRADED)
        finally:
            await client.close()
        return False

    async def _beat(self, client: "Client", token: str) -> bool:
        """Return when NATS is lost (False) or the token it was shown is about to expire (True).

        Then a connection with the new token follows at once, and what changed in between is fetched: nobody sees it.
        Meanwhile see to it that the server is there too. A server that is silent for a while costs no connection:
        events wait for it or come from others, and when it answers again nothing has to be fetched.
        """
        failures = 0

        def is_lost() -> bool:
            return bool(client.is_closed)

        while not is_lost():
            self._again.clear()
            if self._api.token != token:
                return True
            quiet = max(0.0, self._api.heard_at + BEAT - monotonic())
            pause = min(PAUSES[min(failures, len(PAUSES) - 1)], SLOWEST_PROBE) if failures else quiet
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._again.wait()
            if is_lost():
                break
            asked = self._again.is_set() or failures or monotonic() - self._api.heard_at >= BEAT
            if asked and not await self._is_there():
                failures += 1
                self._became(Link.OFFLINE)
                continue
            if self.link is Link.OFFLINE:
                await client.flush(1)
            failures = 0
            self._confirm()
            self._became(Link.ONLINE)
        return False

    async def _is_there(self) -> bool:
        """Returns whether the server answers, now or at least SILENCE after its last answer."""
        left = self._api.heard_at + SILENCE - monotonic()
        try:
            async with asyncio.timeout(max(left, SILENCE / 2)):
                await self._api.live()
        except (ServerAway, TimeoutError):
            return False
        except ServerRefused:
            pass  # it has another worry, but it is there
        return True

    async def _subscribe(self, client: "Client", address: LiveAddress) -> None:
        for subject in self._subjects(address):
            await client.subscribe(subject, cb=self._on_message)
        await client.flush(3)

    def _became(self, link: Link) -> None:
        if link is not self.link:
            was, self.link = self.link, link
            self.changed.set()
            if was is Link.OFFLINE:
                self.came_back()
