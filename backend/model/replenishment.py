"""What a store is to order, and from where: from the store with most cover to spare, else as a proposal to purchase.

All of it is arithmetic in whole units, and each suggestion carries its numbers, so that a person can check it by hand.
The position of a product in a store is what it will have once everything open is done:

    position = available + incoming + expected - owed

It is to be ordered when the position is at or below the reorder point or the minimum, or below what sells until the
goods are there, plus the safety stock. Then it is filled up to the maximum; without one, to what sells until the next
order's goods are there. A reorder quantity is the pack in which a supplier delivers.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from fractions import Fraction

from msgspec import Struct

from .demand import Demand
from .stock import Levels


class Policy(Struct, frozen=True):
    """How a chain replenishes, in days."""

    window_days: int = 28
    """Sales of so many days say how fast a product sells."""
    lead_days: int = 7
    """From an order until its goods are on the shelf."""
    cover_days: int = 14
    """What is ordered lasts so long beyond that; a store that gives keeps as much."""


DEFAULT_POLICY = Policy()


class Standing(Struct, frozen=True):
    """A product in a store, as the rules see it."""

    store_id: str
    product_id: str
    available: int
    levels: Levels
    demand: Demand = Demand()
    incoming: int = 0
    """On its way to the store."""
    expected: int = 0
    """Asked for by open transfers that have not left yet, and by open proposals to purchase."""
    owed: int = 0
    """Asked of this store by open transfers and not packed yet, or on backorder for customers."""

    @property
    def position(self) -> int:
        """What the store will have once everything that is open is done."""
        return self.available + self.incoming + self.expected - self.owed


class SuggestionKind(StrEnum):
    """Where the goods are to come from."""

    TRANSFER = "transfer"
    PURCHASE = "purchase"


class Need(Struct, frozen=True):
    """Why a store needs how much: every number of the arithmetic."""

    available: int
    incoming: int
    expected: int
    owed: int
    position: int
    sold: int
    days_with_stock: int
    velocity: float
    """Units a day: `sold / days_with_stock`."""
    lead_days: int
    lead_demand: int
    """What sells in `lead_days`, rounded up."""
    safety_stock: int
    reorder_point: int
    min_level: int
    max_level: int
    reorder_quantity: int
    order_at: int
    """The highest position at which it is ordered."""
    target: int
    """The position that is aimed at."""
    units: int
    """What is missing to `target`, in whole packs where a reorder quantity says so."""


class Spare(Struct, frozen=True):
    """What the giving store has and keeps."""

    store_id: str
    available: int
    owed: int
    keeps: int
    """More than its own reorder point, and what sells there in `keeps_days`, plus its safety stock."""
    keeps_days: int
    spare: int
    """What it could give before this suggestion."""
    left: int
    """What it has free after this suggestion, before anything arrives: never less than it keeps."""
    velocity: float


class Suggestion(Struct, frozen=True):
    """Goods that a store should get, with the arithmetic behind it, as numbers and as a sentence."""

    kind: SuggestionKind
    store_id: str
    product_id: str
    from_store_id: str
    """The store that gives; empty for a purchase."""
    quantity: int
    need: Need
    spare: Spare | None
    sentence: str


def need_of(standing: Standing, policy: Policy = DEFAULT_POLICY) -> Need | None:
    """Returns what the store needs of the product, or None when it needs nothing."""
    levels, position = standing.levels, standing.position
    order_at = _order_at(standing, policy)
    if order_at < 0 or position > order_at:
        return None
    enough = order_at + 1
    lasting = levels.safety_stock + standing.demand.over(policy.lead_days + policy.cover_days)
    target = levels.max_level or max(enough, lasting)
    units = _in_packs(target - position, min(target, enough) - position, levels)
    if units <= 0:
        return None
    return Need(
        available=standing.available,
        incoming=standing.incoming,
        expected=standing.expected,
        owed=standing.owed,
        position=position,
        sold=standing.demand.sold,
        days_with_stock=standing.demand.days,
        velocity=standing.demand.velocity,
        lead_days=policy.lead_days,
        lead_demand=standing.demand.over(policy.lead_days),
        safety_stock=levels.safety_stock,
        reorder_point=levels.reorder_point,
        min_level=levels.min_level,
        max_level=levels.max_level,
        reorder_quantity=levels.reorder_quantity,
        order_at=order_at,
        target=target,
        units=units,
    )


def kept_by(standing: Standing, policy: Policy = DEFAULT_POLICY) -> int:
    """Returns how many units a store keeps for itself before it gives any away."""
    lasting = standing.levels.safety_stock + standing.demand.over(policy.lead_days + policy.cover_days)
    return max(_order_at(standing, policy) + 1, lasting)


def spare_of(standing: Standing, policy: Policy = DEFAULT_POLICY) -> int:
    """Returns how many units a store can give. What is still on its way to it may not come, and does not count."""
    return max(0, standing.available - standing.owed - kept_by(standing, policy))


def suggestions_for(standings: Iterable[Standing], policy: Policy = DEFAULT_POLICY) -> list[Suggestion]:
    """Returns what is to be done for one product, whose `standings` are those of all stores, each store once.

    The store whose stock lasts shortest is served first. It takes from the store with most cover to spare, then from
    the next; what the others cannot give is to be purchased. The same standings always give the same suggestions.
    """
    standings = sorted(standings, key=lambda one: one.store_id)
    needs = [(one, need) for one in standings if (need := need_of(one, policy)) is not None]
    spares = {one.store_id: spare_of(one, policy) for one in standings}
    suggestions = []
    for standing, need in sorted(needs, key=lambda pair: _cover(pair[0].position, pair[0].demand)):
        left = need.units
        for giver in _givers(standings, spares):
            if not left:
                break
            spare = spares[giver.store_id]
            units = min(left, spare)
            spares[giver.store_id] -= units
            left -= units
            suggestions.append(_transfer(standing, need, giver, units, spare, policy))
        if left:
            packs = max(1, standing.levels.reorder_quantity)
            suggestions.append(_purchase(standing, need, -(-left // packs) * packs, left))
    return suggestions


def _order_at(standing: Standing, policy: Policy) -> int:
    """Returns the highest position at which the product is ordered; -1 for one without levels that nobody buys there.

    Such a product is not ordered even when more of it is owed than is there.
    """
    levels = standing.levels
    points = [point for point in (levels.reorder_point, levels.min_level) if point]
    below = standing.demand.over(policy.lead_days) + levels.safety_stock
    return max([*points, below - 1])


def _in_packs(wanted: int, least: int, levels: Levels) -> int:
    """Returns `wanted` in whole packs: no more than that, unless it would be less than `least`, or none at all."""
    pack = levels.reorder_quantity
    if not pack or wanted <= 0:
        return wanted
    packs = wanted // pack
    return (packs if packs * pack >= max(least, 1) else packs + 1) * pack


def _cover(units: int, demand: Demand) -> tuple[bool, Fraction]:
    """Returns for how many days `units` last, to be sorted by: for ever where nothing sells."""
    return (False, Fraction(units * demand.days, demand.sold)) if demand.sold else (True, Fraction(units))


def _givers(standings: Sequence[Standing], spares: dict[str, int]) -> list[Standing]:
    """Returns the stores that can give, the one with most days of cover to spare first."""
    able = [one for one in standings if spares[one.store_id]]
    return sorted(able, key=lambda one: _cover(spares[one.store_id], one.demand), reverse=True)


def _transfer(standing: Standing, need: Need, giver: Standing, units: int, spare: int, policy: Policy) -> Suggestion:
    keeps = kept_by(giver, policy)
    days = policy.lead_days + policy.cover_days
    left = keeps + spare - units
    sentence = (
        f"{_why(need)} Store {giver.store_id} can spare {spare}: {giver.available} available, {giver.owed} owed, and it"
        f" keeps {keeps} for {days} days; {left} stay there after giving {units}."
    )
    given = Spare(giver.store_id, giver.available, giver.owed, keeps, days, spare, left, giver.demand.velocity)
    return Suggestion(
        SuggestionKind.TRANSFER, standing.store_id, standing.product_id, giver.store_id, units, need, given, sentence
    )


def _purchase(standing: Standing, need: Need, units: int, left: int) -> Suggestion:
    packs = f", in packs of {need.reorder_quantity}" if units != left else ""
    sentence = f"{_why(need)} No store can spare the {left} that are left; purchase {units}{packs}."
    return Suggestion(SuggestionKind.PURCHASE, standing.store_id, standing.product_id, "", units, need, None, sentence)


def _why(need: Need) -> str:
    sells = (
        f"{need.sold} sold in {need.days_with_stock} days with stock make {need.lead_demand} in {need.lead_days} days"
    )
    return (
        f"Position {need.position} = {need.available} available + {need.incoming} incoming + {need.expected} expected"
        f" - {need.owed} owed. It is ordered at {need.order_at} (reorder point {need.reorder_point}, minimum"
        f" {need.min_level}; {sells}, safety stock {need.safety_stock}). Up to {need.target} that is {need.units}."
    )
