"""How long a replay waits for a server or a database that is away, and how often it asks."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from backend.model.errors import MostradorError

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0
PATIENCE_SECONDS = 120.0
"""How long what is asked may be away before the replay gives up."""

T = TypeVar("T")


async def until_answered(attempt: Callable[[], Awaitable[T]], again: Callable[[], None] = lambda: None) -> T:
    """Returns what `attempt` returns, after as many attempts as it takes; `again` is called before each further one.

    Raises its first error that another attempt cannot heal, and the last one when patience ends.
    """
    pause = FIRST_PAUSE_SECONDS
    give_up_at = monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await attempt()
        except MostradorError as error:
            if not error.retryable or monotonic() > give_up_at:
                raise
        await asyncio.sleep(pause * random.uniform(0.5, 1))
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        again()
