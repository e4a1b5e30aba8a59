"""Pauses between tries that grow while the tries fail.

Ours and not a retry library's: what tries here are loops that are supervised, woken early and stopped, not calls that
are repeated; all they share is how long the next pause is.
"""

import random
from collections.abc import Callable


class Backoff:
    """Yields pauses in seconds: `first`, then twice as long each time, `longest` at most."""

    def __init__(
        self,
        first: float,
        longest: float,
        *,
        jitter: float = 0.5,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """`jitter` is the part of a pause that is drawn by lot: many who failed together do not return together."""
        self._first, self._longest, self._jitter, self._uniform = first, longest, jitter, uniform
        self._next = first

    def reset(self) -> None:
        """Begins again with the shortest pause: the last try succeeded."""
        self._next = self._first

    def pause(self) -> float:
        """Returns the seconds to wait now, and makes the next pause twice as long."""
        pause = self._next
        self._next = min(2 * pause, self._longest)
        return self._uniform(pause * (1 - self._jitter), pause)
