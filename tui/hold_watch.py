"""Notices when holds are about to end and when they have, so that it is said once and in words. Pure."""

from collections.abc import Sequence

from backend.terminal.lines import CartLine, Hold, State
from backend.terminal.values import Notice

SOON = 60.0
"""Seconds before its end at which a hold is about to end."""


class HoldWatch:
    """Remembers which holds were told of."""

    def __init__(self) -> None:
        self._ending: set[Hold] = set()
        self._ended: set[Hold] = set()

    def look(self, lines: Sequence[CartLine], now: float) -> Notice | None:
        """Returns what is new since the last look: holds that ended, else holds that will soon."""
        holds = [(line, line.hold) for line in lines if line.hold is not None]
        ended = {hold: line for line, hold in holds if line.state(now) is State.EXPIRED}
        ending = {hold: line for line, hold in holds if line.state(now) is State.HELD and hold.deadline - now < SOON}
        new_ended, new_ending = ended.keys() - self._ended, ending.keys() - self._ending
        self._ended, self._ending = set(ended), set(ending)
        if new_ended:
            return _told("ended", [ended[hold] for hold in new_ended])
        return _told("ending", [ending[hold] for hold in new_ending]) if new_ending else None


def _told(what: str, lines: Sequence[CartLine]) -> Notice:
    if len(lines) == 1:
        return Notice("warning", f"hold_{what}", {"name": lines[0].product.name})
    return Notice("warning", f"holds_{what}", {"count": len(lines)})
