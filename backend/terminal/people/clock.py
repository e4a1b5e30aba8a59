"""Time that is never set back: what a terminal judges a grant's age by."""

import time
from collections.abc import Callable


class ForwardClock:
    """Seconds since 1970: the machine's clock, but never less than the latest time seen and what has passed since."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._steady = wall, steady
        self._seen, self._at = 0.0, steady()

    def now(self) -> float:
        """Returns the time. Clocks that are set back leave it as it is; one set forward counts from then on."""
        now = max(self._wall(), self._seen + self._steady() - self._at)
        self.set(now)
        return now

    def set(self, seen: float) -> None:
        """Go on from a time: the latest one an earlier run saw, or what a server says, which is right if less too."""
        self._seen, self._at = seen, self._steady()
