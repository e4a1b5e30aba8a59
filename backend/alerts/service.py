"""Finds what is open in a store, looked up when somebody asks, and kept for some seconds for the next who does."""

from collections.abc import Callable
from datetime import datetime
from time import monotonic

from msgspec import Struct

from backend.cache.flight import SingleFlight
from backend.database.engine import Database
from backend.database.reads import moment, reading
from backend.stores.queries import require_store

from .findings import LIMIT, Find, Look, OpenAlert, Thresholds
from .flow_rules import drifts, overdue_allotments, silent_terminals, stuck_transfers
from .shortfall_rules import shortfalls
from .trade_rules import hoarded_holds, negative_attempts, odd_sales, price_overrides

RULES: dict[str, Find] = {
    "stuck_transfer": stuck_transfers,
    "silent_terminal": silent_terminals,
    "overdue_allotment": overdue_allotments,
    "drift": drifts,
    "shortfall": shortfalls,
    "negative_attempt": negative_attempts,
    "odd_sale": odd_sales,
    "hold_hoarding": hoarded_holds,
    "price_override": price_overrides,
}
"""Every rule by its name, in the order in which they are told."""
KEPT_SECONDS = 5.0
"""How old an answer may be: many screens of a store may ask, and the rules read a day of it."""


class OpenAlerts(Struct, frozen=True):
    """The alerts of a store that are open at `at`. `cut` names the rules of which more than is told was found."""

    store_id: str
    at: datetime
    alerts: tuple[OpenAlert, ...]
    cut: tuple[str, ...] = ()


class Alerts:
    """Finds what is open in a store."""

    def __init__(
        self, db: Database, thresholds: Thresholds | None = None, clock: Callable[[], float] = monotonic
    ) -> None:
        self._db, self._thresholds, self._clock = db, thresholds or Thresholds(), clock
        self._kept: dict[str, tuple[float, OpenAlerts]] = {}
        self._flights: SingleFlight[OpenAlerts] = SingleFlight()

    async def open_in(self, store_id: str) -> OpenAlerts:
        """Returns the alerts of a store, at most KEPT_SECONDS old. Raises UnknownStore."""
        until, known = self._kept.get(store_id, (0.0, None))
        if known is not None and self._clock() < until:
            return known
        return await self.look(store_id)

    async def look(self, store_id: str) -> OpenAlerts:
        """Returns the alerts of a store as they are now, and keeps them. Raises UnknownStore."""
        found = await self._flights.run(store_id, lambda: self._look(store_id))
        self._kept[store_id] = (self._clock() + KEPT_SECONDS, found)
        return found

    async def _look(self, store_id: str) -> OpenAlerts:
        async with reading(self._db) as connection:
            await require_store(connection, store_id)
            look = Look(connection, store_id, await moment(connection), self._thresholds)
            by_rule = {name: await find(look) for name, find in RULES.items()}
        alerts = tuple([alert for several in by_rule.values() for alert in several])
        cut = tuple([name for name, several in by_rule.items() if len(several) >= LIMIT])
        return OpenAlerts(store_id, look.now, alerts, cut)
