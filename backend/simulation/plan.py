"""The month's plan as pure data: a seed and the baskets give the same plan again, whatever the database says."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from random import Random
from zlib import crc32

from msgspec import Struct

from backend.model.commands import SaleLine
from backend.replay.baskets import Basket

DAYS = 28
"""Days over which the baskets of four weeks are spread."""
LEAST = 4
"""Units of a product that a store opens with at least."""


class Way(StrEnum):
    """How a customer gets the goods of a basket."""

    BUYS = "buys"
    HOLDS = "holds"
    """Has them held and buys the hold."""
    LEAVES = "leaves"
    """Has them held and goes away."""
    PICKS_UP = "picks up"
    """Has them held and comes for them on the next day."""
    ORDERS = "orders"
    """Gets them on the next day, or changes their mind."""
    UNHEARD = "unheard"
    """Buys them at a terminal without network, whose sale the ledger hears of after the shelf was counted."""


class Fate(StrEnum):
    """What becomes of a line of a delivery."""

    GOOD = "good"
    SHORT = "short"
    OVER = "over"
    DAMAGED = "damaged"
    MISCOUNTED = "miscounted"
    """One unit less came than the receipt says."""
    UNWRITTEN = "unwritten"
    """One unit more came than the receipt says; it lies in a box until somebody counts."""


class Customer(Struct, frozen=True):
    """What one customer wants, and how."""

    lines: tuple[SaleLine, ...]
    way: Way
    changes_mind: bool
    """Brings a unit back on the next day, or does not come for an order."""


class Delivery(Struct, frozen=True):
    """A line of what the supplier brings."""

    product_id: str
    units: int
    fate: Fate


class StoreDay(Struct, frozen=True):
    """One day of one store."""

    customers: tuple[Customer, ...]
    deliveries: tuple[Delivery, ...]
    """Ordered on the evening before, they arrive in the morning."""
    stolen: Mapping[str, int]
    """At most so many units; a thief finds no more than there are."""
    counted: tuple[str, ...]
    """The section of the day; over the days each product is in one."""
    spoiled: tuple[str, ...]
    luck: int
    """Seeds the choices that depend on what lies on the shelves."""


class Plan(Struct, frozen=True):
    """The month."""

    seed: int
    opening: Mapping[str, Mapping[str, int]]
    """Store → product → units."""
    days: tuple[Mapping[str, StoreDay], ...]

    @property
    def stores(self) -> Sequence[str]:
        """The stores, in their order."""
        return tuple(self.opening)


def make_plan(baskets: Sequence[Basket], days: int, stores: int, seed: int) -> Plan:
    """Returns the plan of the first `days` of the month in the first `stores` of the chain."""
    names = sorted({basket.store_id for basket in baskets}, key=int)[:stores]
    of_day: list[dict[str, list[Basket]]] = [{name: [] for name in names} for _ in range(days)]
    for index, basket in enumerate(baskets):
        day = index * DAYS // len(baskets)
        if day < days and basket.store_id in of_day[day]:
            of_day[day][basket.store_id].append(basket)
    demand = {name: _units(x for day in of_day for x in day[name]) for name in names}
    sections = {name: {product: _section(name, product, days) for product in demand[name]} for name in names}
    planned = []
    for number, today in enumerate(of_day):
        before = of_day[number - 1] if number else {}
        planned.append(
            {
                name: _store_day(
                    Random(f"{seed}/{number}/{name}"), today[name], _units(before.get(name, ())), sections[name], number
                )
                for name in names
            }
        )
    opening = {
        name: {product: max(LEAST, units // 3) for product, units in sorted(of_store.items())}
        for name, of_store in demand.items()
    }
    return Plan(seed, opening, tuple(planned))


def _units(baskets: Iterable[Basket]) -> Counter[str]:
    units: Counter[str] = Counter()
    for basket in baskets:
        for line in basket.lines:
            units[line.product_id] += line.quantity
    return units


def _section(store: str, product: str, days: int) -> int:
    return crc32(f"{store}/{product}".encode()) % days


def _store_day(
    luck: Random, baskets: Iterable[Basket], sold: Mapping[str, int], sections: Mapping[str, int], day: int
) -> StoreDay:
    ways = list(Way)
    customers = tuple(
        [
            Customer(x.lines, luck.choices(ways, (50, 15, 5, 10, 10, 10))[0], changes_mind=luck.random() < 0.2)
            for x in baskets
        ]
    )
    # What disappears before its section is counted is found; so everything is, by the end of the month.
    to_come = sorted(product for product, section in sections.items() if section >= day)
    deliveries = tuple(
        [
            Delivery(product, units, _fate(luck, known=sections[product] < day))
            for product, units in sorted(sold.items())
        ]
    )
    return StoreDay(
        customers=customers,
        deliveries=deliveries,
        stolen={product: luck.randint(1, 4) for product in luck.sample(to_come, _few(to_come))},
        counted=tuple(sorted(product for product, section in sections.items() if section == day)),
        spoiled=tuple(luck.sample(sorted(sections), _few(sections))),
        luck=luck.getrandbits(32),
    )


def _few(products: Collection[str]) -> int:
    """Returns of how many of these products a unit is stolen or spoils in a day."""
    return min(len(products), 1 + len(products) // 500)


def _fate(luck: Random, *, known: bool) -> Fate:
    """Returns what becomes of a line; of a product that was counted already nothing goes unnoticed any more."""
    fate = luck.choices(list(Fate), (88, 4, 3, 3, 1, 1))[0]
    return Fate.GOOD if known and fate in (Fate.MISCOUNTED, Fate.UNWRITTEN) else fate
