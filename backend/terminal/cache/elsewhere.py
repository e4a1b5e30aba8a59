"""What other stores have of a product: asked for when somebody wants to know, and remembered with its age."""

from collections.abc import Callable
from time import monotonic

from msgspec import Struct

from backend.terminal.api import Api
from backend.terminal.values import StoreStock

FRESH_SECONDS = 5.0
"""How long an answer is good enough not to ask again."""
KEPT = 200
"""Products whose answers are kept; the one asked about longest ago makes room."""


class Others(Struct, frozen=True):
    """A product's stock in the other stores, the most available first, and the seconds since that was true."""

    stores: tuple[StoreStock, ...]
    age: float


class Elsewhere:
    """Asks the server, and remembers what it said for the time when it is away."""

    def __init__(self, api: Api, store_id: str, clock: Callable[[], float] = monotonic) -> None:
        self._api, self._store_id, self._clock = api, store_id, clock
        self._known: dict[str, tuple[tuple[StoreStock, ...], float]] = {}

    def known(self, product_id: str) -> Others | None:
        """Returns what the server said last, without asking it."""
        found = self._known.get(product_id)
        return None if found is None else Others(found[0], self._clock() - found[1])

    async def others(self, product_id: str) -> Others:
        """Returns what other stores have, asking the server unless it has just said so. Raises what `Api` raises."""
        known = self.known(product_id)
        if known is not None and known.age < FRESH_SECONDS:
            return known
        asked_at = self._clock()
        rows = [row for row in await self._api.stock_everywhere(product_id) if row.store_id != self._store_id]
        stores = tuple(sorted(rows, key=lambda row: (-row.available_qty, row.store_id)))
        self._known.pop(product_id, None)
        self._known[product_id] = (stores, asked_at)
        if len(self._known) > KEPT:
            del self._known[next(iter(self._known))]
        return Others(stores, self._clock() - asked_at)
