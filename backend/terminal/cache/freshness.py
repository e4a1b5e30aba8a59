"""How old the numbers of the copy are: a moment of certainty that is kept in the file, and a clock that never jumps.

Ages within this program are counted on the monotonic clock; only what an earlier run was sure of is judged by the wall
clock, which somebody may have set.
"""

from collections.abc import Callable
from time import monotonic, time


class Freshness:
    """When all numbers of the copy were last certainly those of the server."""

    def __init__(
        self, sure_at: float | None, clock: Callable[[], float] = monotonic, wall: Callable[[], float] = time
    ) -> None:
        """`sure_at` is what an earlier run left, in Unix time; None if nothing is known."""
        self._clock, self._wall = clock, wall
        self._started = clock()
        before = None if sure_at is None else max(0.0, wall() - sure_at)
        self._sure = None if before is None else self._started - before
        self.is_live = False
        """Whether changes arrive within moments now, so that every number is of this moment."""

    def confirm(self) -> None:
        """All numbers are those of the server now."""
        self._sure = self._clock()

    @property
    def sure_at(self) -> float | None:
        """The moment of certainty in Unix time, to be kept."""
        return None if self._sure is None else self._wall() - (self._clock() - self._sure)

    def age(self, written_at: float | None = None) -> float | None:
        """Returns the seconds since a number was certain; None if it never was.

        `written_at` is when the number itself was written, in Unix time, which may be later.
        """
        if self.is_live and self._sure is not None:
            return 0.0
        ages = [] if self._sure is None else [self._clock() - self._sure]
        if written_at is not None:
            ages.append(self._wall() - written_at)
        return max(0.0, min(ages)) if ages else None
