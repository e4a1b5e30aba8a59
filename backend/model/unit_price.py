"""A price of so many units: 249 cents per 1,000 grams, so that one gram may cost less than a cent.

The rule of rounding is here and nowhere else: what a line costs is rounded once, to the nearest cent, a half up.
"""

from typing import Annotated, NamedTuple

from msgspec import Meta

MAX_PER = 1_000_000
PricePer = Annotated[int, Meta(ge=1, le=MAX_PER)]
"""How many units a price is for."""


class UnitPrice(NamedTuple):
    """What `per` units cost, in cents."""

    cents: int
    per: int = 1

    def of(self, quantity: int) -> int:
        """Returns what so many units cost, in whole cents."""
        return (2 * quantity * self.cents + self.per) // (2 * self.per)

    def units_for(self, cents: int) -> int:
        """Returns how many units cost so much, or as near to it as units can; 0 for what costs nothing.

        A scale prints what its weight costs by the same rule, so the weight found for its price costs that price.
        """
        if not self.cents:
            return 0
        # To the nearest unit, a half down: half a cent up is the price already.
        return -(-(2 * cents * self.per - self.cents) // (2 * self.cents))

    def __str__(self) -> str:
        """Returns the price as sentences show it."""
        amount = f"{self.cents // 100}.{self.cents % 100:02d}"
        return amount if self.per == 1 else f"{amount} per {self.per:,}"
