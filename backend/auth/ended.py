"""The sessions that have ended while an access token of theirs may still look good."""

import time
from collections.abc import Callable, Iterable


class EndedSessions:
    """Ids of sessions, each remembered for so many seconds."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._known_since: dict[str, float] = {}
        self._with_terminal: set[str] = set()

    def add(self, session_ids: Iterable[str], *, with_terminal: bool = False) -> None:
        """These have ended, perhaps because their terminal was removed. Those that ended long ago are forgotten."""
        now = self._clock()
        for session_id in session_ids:
            self._known_since.setdefault(session_id, now)
            if with_terminal:
                self._with_terminal.add(session_id)
        while self._known_since:
            oldest = next(iter(self._known_since))
            if now - self._known_since[oldest] < self._seconds:
                break
            del self._known_since[oldest]
            self._with_terminal.discard(oldest)

    def with_terminal(self, session_id: str) -> bool:
        """Returns whether the session ended because its terminal was removed."""
        return session_id in self._with_terminal

    def __contains__(self, session_id: object) -> bool:
        return session_id in self._known_since
