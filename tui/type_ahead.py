"""Keeps what is typed while no screen can take it, so that keys reach the screen and field that they are meant for.

A person who knows the program types name and PIN before the form is there, and a script types all of it at once. Keys
that belong to text wait here, in order, until the screen on top is ready for them; all others (F-keys, ctrl+q) act at
once. What was typed before somebody was signed in is never given to a later screen: it may be a PIN.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from math import inf
from typing import Protocol, runtime_checkable

from textual import events
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import ModalScreen

from .scan import GAP

WAITING = {"enter", "tab", "shift+tab", "backspace"}
"""Keys that belong to text besides the characters themselves."""


def when_typed(fields: Iterable[MessagePump], then: Callable[[], object]) -> None:
    """Call `then` once the characters that are on their way to the fields have arrived there."""
    for field in fields:
        then = partial(field.call_later, then)
    then()


def _enter(time: float) -> events.Key:
    key = events.Key("enter", None)
    key.time = time
    return key


@runtime_checkable
class TakesKeys(Protocol):
    """A screen that knows whether it is ready for text."""

    @property
    def takes_keys(self) -> bool:
        """Whether keys that belong to text may be delivered now."""


class TypeAhead:
    """Holds keys back while `screen()` cannot take them; `deliver` gets each of them later, in order.

    `later` calls a function in the task that delivers keys.
    """

    def __init__(
        self,
        screen: Callable[[], object],
        deliver: Callable[[events.Key], Awaitable[None]],
        later: Callable[[Callable[[], Awaitable[None]]], object],
    ) -> None:
        self._screen, self._deliver, self._later = screen, deliver, later
        self._kept: deque[events.Key] = deque()
        self._forgotten = -inf
        self._last: events.Key | None = None

    async def press(self, event: events.Key) -> None:
        """Deliver a key now, keep it for later, or drop it because it is older than the last `forget`."""
        last, self._last = self._last, event
        if event.key == "ctrl+j":
            # A line feed is how Enter arrives in some pasted text, and before the program has the terminal.
            if last is not None and last.key == "enter" and event.time - last.time <= GAP:
                return  # the second half of a line's end
            event = _enter(event.time)
        if not event.is_printable and event.key not in WAITING:
            await self._deliver(event)
        elif self._kept or not self._ready:
            self._kept.append(event)
        elif event.time > self._forgotten:
            await self._deliver(event)

    @property
    def _ready(self) -> bool:
        screen = self._screen()
        return screen.takes_keys if isinstance(screen, TakesKeys) else isinstance(screen, ModalScreen)

    def go_on(self) -> None:
        """The screen on top is ready: deliver what waits, for as long as it stays ready."""
        self._later(self._release)

    async def _release(self) -> None:
        while self._kept and self._ready:
            event = self._kept.popleft()
            if event.time > self._forgotten:
                await self._deliver(event)

    def forget(self) -> None:
        """Drop every key that was pressed until now."""
        self._kept.clear()
        self._forgotten = Message().time  # the clock of events
