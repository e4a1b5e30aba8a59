"""What every screen needs: the words, the clock on the wall, the desk of who is signed in, and what was said."""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from .words import Words

if TYPE_CHECKING:
    from backend.terminal.desk import Desk
    from backend.terminal.values import Notice

    from .type_ahead import TypeAhead

KEPT = 200
"""Messages remembered."""


class Shared:
    """Shared by all screens of the program. `desk` is there while somebody is signed in."""

    def __init__(
        self, words: Words, terminal_id: str, keys: "TypeAhead", *, demo: bool, now: Callable[[], datetime]
    ) -> None:
        self.words = words
        self.keys = keys
        """What was typed ahead; a screen says when it is ready for it."""
        self.terminal_id = terminal_id
        self.demo = demo
        self.now = now
        self.desk: Desk | None = None
        self.messages: deque[tuple[datetime, Notice]] = deque(maxlen=KEPT)
        self.on_message: Callable[[], None] = lambda: None
        self.failures: list[BaseException] = []

    def say(self, notice: "Notice") -> None:
        """Put a sentence into the message line; it stays there until the next one."""
        self.messages.append((self.now(), notice))
        self.on_message()

    def failed(self, error: BaseException) -> None:
        """Something that nobody foresaw went wrong beside the screen: say so and keep it for the report at the end."""
        from backend.terminal.values import Notice

        self.failures.append(error)
        self.say(Notice("error", "unforeseen", {"code": type(error).__name__}))
