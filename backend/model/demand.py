"""How fast a product sells in a store: a moving average over the days on which there was something to sell.

A day without stock is not a day without demand, so it counts neither in the units nor in the days. Days are stretches
of 24 hours that end now, so no time zone has a say.
"""

from collections.abc import Iterable

from msgspec import Struct

DEMAND_KINDS = ("sell", "confirm", "order_fulfil", "shortfall", "void")
"""The kinds of movement with which a customer takes units, and the one that says that it never was a sale."""


class Day(Struct, frozen=True):
    """A day on which a stock row moved. Sellable are the units that are on hand and neither damaged nor promised."""

    ago: int
    """How many whole days ago it ended; 0 is the day that ends now."""
    sold: int
    opening: int
    """Sellable before the day's first movement."""
    most: int
    """The most that was sellable after one of its movements."""
    closing: int


class Demand(Struct, frozen=True):
    """Units sold in so many days with stock."""

    sold: int = 0
    days: int = 0

    @property
    def velocity(self) -> float:
        """Units a day, for people to read; 0 where there never was anything to sell."""
        return round(self.sold / self.days, 3) if self.days else 0.0

    def over(self, days: int) -> int:
        """Returns the units that are expected to sell in so many days, rounded up."""
        return -(-self.sold * days // self.days) if self.days else 0


def demand_of(days: Iterable[Day], window: int, sellable: int) -> Demand:
    """Returns the demand of the last `window` days.

    `days` are those on which the row moved, in any order; `sellable` is what it has now.
    """
    moved = {day.ago: day for day in days if 0 <= day.ago < window}
    stocked = (moved[max(moved)].opening if moved else sellable) > 0
    sold = counted = 0
    for ago in reversed(range(window)):
        day = moved.get(ago)
        if day is None:
            counted += stocked
            continue
        sold += day.sold
        counted += day.sold > 0 or day.opening > 0 or day.most > 0
        stocked = day.closing > 0
    return Demand(max(0, sold), counted)
