"""What really lies in the stores, as plain sums: it never asks the ledger, and the ledger is compared with it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum

from msgspec import Struct

from backend.model.stock import Key

Units = Mapping[str, int]
"""Product → units."""


class Place(StrEnum):
    """Where the units of a store are."""

    SHELF = "shelf"
    ASIDE = "aside"
    """Held for customers."""
    PACKED = "packed"
    """Put aside for an order or a transfer."""
    BACKROOM = "backroom"
    """Cannot be sold."""
    BOX = "box"
    """In a box that nobody has looked into; the ledger does not know of it."""
    COMING = "coming"
    """Ordered or on the road; not in the store yet."""


IN_STORE = (Place.SHELF, Place.ASIDE, Place.PACKED, Place.BACKROOM, Place.BOX)


class Balances(Struct, frozen=True):
    """What the ledger should say of a product in a store."""

    on_hand: int
    unavailable: int
    allocated: int
    reserved: int
    incoming: int


class Shelves:
    """All units of the chain, by place."""

    def __init__(self) -> None:
        self._units: dict[Place, Counter[Key]] = {place: Counter() for place in Place}
        self.untold: Counter[Key] = Counter()
        """Units that came (more than 0) or went (less) without a word to the ledger: what counts have to find."""

    def at(self, place: Place, store: str, product: str) -> int:
        """Returns the units of a product at a place of a store."""
        return self._units[place][store, product]

    def free(self, store: str, products: Iterable[str]) -> dict[str, int]:
        """Returns what customers can take of these products."""
        return {product: self._units[Place.SHELF][store, product] for product in products}

    def in_store(self, store: str, product: str) -> int:
        """Returns the units that whoever counts the product sees, wherever they lie in the store."""
        return sum(self._units[place][store, product] for place in IN_STORE)

    def put(self, place: Place, store: str, units: Units) -> None:
        """Adds units that come from outside."""
        for product, n in units.items():
            self._units[place][store, product] += n

    def take(self, place: Place, store: str, units: Units) -> None:
        """Takes units away for good; there must be as many."""
        for product, n in units.items():
            assert self._units[place][store, product] >= n, (place, store, product)
            self._units[place][store, product] -= n

    def move(self, source: Place, to: Place, store: str, units: Units) -> None:
        """Carries units from one place of a store to another one."""
        self.take(source, store, units)
        self.put(to, store, units)

    def vanish(self, store: str, units: Units) -> None:
        """Takes at most so many units from the shelf without a word to the ledger."""
        for product, most in units.items():
            n = min(most, self._units[Place.SHELF][store, product])
            self._units[Place.SHELF][store, product] -= n
            self.untold[store, product] -= n

    def appear(self, store: str, units: Units) -> None:
        """Brings boxes of which the ledger is told nothing."""
        self.put(Place.BOX, store, units)
        self.untold.update({(store, product): n for product, n in units.items()})

    def unpack(self, store: str, product: str) -> None:
        """Puts what a count has found in boxes onto the shelf."""
        self._units[Place.SHELF][store, product] += self._units[Place.BOX].pop((store, product), 0)

    def balances(self) -> dict[Key, Balances]:
        """Returns what the ledger should say, once counts have found everything that it was not told."""
        keys = {key for counter in self._units.values() for key, n in counter.items() if n}
        units = self._units
        return {
            key: Balances(
                on_hand=sum(units[place][key] for place in IN_STORE),
                unavailable=units[Place.BACKROOM][key],
                allocated=units[Place.PACKED][key],
                reserved=units[Place.ASIDE][key],
                incoming=units[Place.COMING][key],
            )
            for key in keys
        }
