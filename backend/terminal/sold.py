"""How fast this terminal sells what: each sale counts less the longer ago it was. Pure."""

from collections.abc import Iterable, Mapping
from math import exp

from msgspec import Struct

from backend.model.commands import SaleLine

MEMORY_MINUTES = 240.0
"""How long ago a sale was that counts a third of one now."""
LEAST = 0.02
"""Units in MEMORY_MINUTES below which a product is not sold any more."""


class Recent(Struct, frozen=True):
    """Units that were sold, as they count at a moment (seconds since 1970)."""

    units: float
    at: float

    def now(self, now: float) -> float:
        """Returns what they count now."""
        return self.units * exp(-max(0.0, now - self.at) / (60 * MEMORY_MINUTES))


class Sold:
    """The products sold lately."""

    def __init__(self, recent: Mapping[str, Recent] | None = None) -> None:
        self.recent = dict(recent or {})

    def add(self, lines: Iterable[SaleLine], now: float) -> None:
        """Count a sale."""
        for line in lines:
            before = self.recent.get(line.product_id)
            units = line.quantity + (before.now(now) if before else 0.0)
            self.recent[line.product_id] = Recent(units, now)

    def rates(self, now: float) -> dict[str, float]:
        """Returns the units a minute of each product that is still sold; what is not is forgotten."""
        counted = {product_id: one.now(now) for product_id, one in self.recent.items()}
        for product_id, units in counted.items():
            if units < LEAST:
                del self.recent[product_id]
        return {product_id: units / MEMORY_MINUTES for product_id, units in counted.items() if units >= LEAST}
