"""How much one command may correct before a second person has to approve it.

A store has no limits until somebody sets them. They hold for whoever has no right to approve.
"""

from collections.abc import Mapping

from msgspec import Struct

from .unit_price import UnitPrice


class Limits(Struct, frozen=True, omit_defaults=True):
    """The limits of a store; what is above one of them waits for approval. None: there is no such limit."""

    units: int | None = None
    """Units of all lines together, whatever their sign."""
    value_cents: int | None = None
    """Those units at the catalogue's prices, in cents."""


class Size(Struct, frozen=True):
    """How much a command corrects."""

    units: int
    value_cents: int


def size_of(changes: Mapping[str, int], prices: Mapping[str, UnitPrice]) -> Size:
    """Returns the size of `changes`, units with their sign by product; a product without a price has no value."""
    worth = sum(prices.get(product_id, UnitPrice(0)).of(abs(units)) for product_id, units in changes.items())
    return Size(sum(map(abs, changes.values())), worth)


def exceeds(size: Size, limits: Limits) -> bool:
    """Returns whether a correction of this size has to be approved."""
    return (limits.units is not None and size.units > limits.units) or (
        limits.value_cents is not None and size.value_cents > limits.value_cents
    )
