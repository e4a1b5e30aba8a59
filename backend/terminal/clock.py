"""The server's clock as this terminal knows it: its own clock, and by how much that was off when it was measured.

A till's clock may be wrong by hours, or be set while it runs. So nothing is ordered by it, and the moments that are
told to the server are corrected by what was measured from its answers; within a run they follow a clock that nobody
sets.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic, time

SKEWED = 60.0
"""Seconds by which this machine's clock may be off before that is worth showing."""
WORTH_KEEPING = 1.0
_RESOLUTION = 1.0
"""Seconds that the header Date is cut to."""


class ServerClock:
    """Starts with the offset that the last run `kept`; `keep` is called with a new one. Both are in seconds."""

    def __init__(
        self,
        kept: float = 0.0,
        keep: Callable[[float], None] = lambda _: None,
        wall: Callable[[], float] = time,
        steady: Callable[[], float] = monotonic,
    ) -> None:
        self._keep, self._steady, self._wall = keep, steady, wall
        self._began = wall() - steady()
        """What this machine's clock said when this run's steady one was zero."""
        self._kept = self._offset = kept

    def kept_by(self, kept: float, keep: Callable[[float], None]) -> None:
        """Begin with what an earlier run has kept, unless something was measured already; tell `keep` from now on."""
        self._keep = keep
        if not self._kept:
            self._kept = self._offset = kept
        else:
            keep(self._kept)

    @property
    def offset(self) -> float:
        """Returns the seconds by which the server's clock is ahead of this machine's, as that is now."""
        return self._began + self._steady() + self._offset - self._wall()

    @property
    def is_skewed(self) -> bool:
        """Whether this machine's clock is off by more than a minute."""
        return abs(self.offset) > SKEWED

    def now(self) -> datetime:
        """Returns the server's time, as well as it is known."""
        return datetime.fromtimestamp(0, UTC) + timedelta(seconds=self._began + self._steady() + self._offset)

    def before(self) -> float:
        """Returns when a request leaves, for `heard`."""
        return self._steady()

    def heard(self, date: str | None, before: float) -> None:
        """Take in the header Date of an answer to a request that left at `before`.

        It was cut to a second, and written between the request and now, so the offset lies within some bounds; one
        that lies there already is not changed, so it does not jump with every slow answer.
        """
        try:
            said = parsedate_to_datetime(date or "").timestamp()
        except ValueError:
            return
        least = said - (self._began + self._steady())
        most = said + _RESOLUTION - (self._began + before)
        if not least <= self._offset <= most:
            self._offset = (least + most) / 2
        if abs(self.offset - self._kept) > WORTH_KEEPING:
            self._kept = self.offset
            self._keep(self._kept)
