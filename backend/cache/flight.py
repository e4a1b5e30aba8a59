"""Many who ask for the same at once are given one answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Computes what is asked for once, for all who ask while it is being computed."""

    def __init__(self) -> None:
        self._flights: dict[str, asyncio.Future[T]] = {}

    async def run(self, key: str, compute: Callable[[], Awaitable[T]]) -> T:
        """Returns what `compute` answers, or the computation of `key` that is under way. Raises what it raises."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.ensure_future(compute())
            flight.add_done_callback(lambda _: self._flights.pop(key))
        # Whoever leaves, also the first, leaves the others their answer.
        return await asyncio.shield(flight)
