"""The sessions that have ended while an access token of theirs may still look good."""

import time
from collections.abc import Callable, Iterable


class EndedSessions:
    """Ids of sessions, each remembered for so many seconds."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._known_since: dict[str, float] = {}

    def add(self, session_ids: Iterable[str]) -> None:
        """These have ended. Those that ended long ago are forgotten."""
        now = self._clock()
        for session_id in session_ids:
            self._known_since.setdefault(session_id, now)
        while self._known_since:
            oldest = next(iter(self._known_since))
            if now - self._known_since[oldest] < self._seconds:
                break
            del self._known_since[oldest]

    def __contains__(self, session_id: object) -> bool:
        return session_id in self._known_since
