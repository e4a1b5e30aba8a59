"""Keeps a log readable while everything fails in the same way many times a second."""

from collections.abc import Callable, Hashable
from time import monotonic

LINE_SECONDS = 1.0


class Sparing:
    """Lets one line of each kind through in LINE_SECONDS and counts those that it keeps back."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """`clock` tells seconds."""
        self._clock = clock
        self._last: dict[Hashable, float] = {}
        self._kept_back: dict[Hashable, int] = {}

    def line(self, kind: Hashable) -> dict[str, int] | None:
        """Returns what to add to the line that may be written now: how many of its kind were kept back; None: do not
        write."""
        now = self._clock()
        if now - self._last.get(kind, now - LINE_SECONDS) < LINE_SECONDS:
            self._kept_back[kind] = self._kept_back.get(kind, 0) + 1
            return None
        self._last[kind] = now
        kept_back = self._kept_back.pop(kind, 0)
        return {"kept_back": kept_back} if kept_back else {}
