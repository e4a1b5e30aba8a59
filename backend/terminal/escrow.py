"""What this terminal keeps for outages: how much of which product, what a sale draws on it, and what is beyond it.

Pure: it is told what happened and says what to do. The rule that makes a sale guaranteed is one of counting: a unit
that a sale has drawn is gone here at once, and while a change of an allotment is under way only the smaller of the old
and the new number counts. So `free` is never more than what the server keeps, whatever was lost on the way.

Answers are to be told in the order in which the server gave them; sales and allotments travel in one queue.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct

from backend.model.allotments import Allotment, AllotmentPolicy, Beyond, Draw
from backend.model.commands import MAX_TTL_SECONDS

ASKED_AGAIN = timedelta(seconds=30)
"""How long a terminal waits that got fewer units than it asked for: there are no more."""
TOO_MUCH = 2
"""An allotment with more than so many times the units that are wanted is made smaller."""


class OwnAllotment(Struct):
    """An allotment of this terminal, as the server's last answer has it and as sales have drawn on it since."""

    id: UUID
    product_id: str
    quantity: int
    """By the server's last answer."""
    renewed_at: datetime
    due_at: datetime
    drawn: int = 0
    """Units of sales that the server has not answered yet."""
    asked: int | None = None
    """The number that it was asked for, while that is under way; 0 when it is given back."""
    recalled: int = 0
    """Units that the server wants back for others."""

    @property
    def free(self) -> int:
        """Units that a sale may still draw."""
        sure = self.quantity if self.asked is None else min(self.quantity, self.asked)
        return max(0, sure - self.drawn)


class Verdict(StrEnum):
    """Whether a terminal that reaches nobody may sell."""

    GUARANTEED = "guaranteed"
    SUPERVISOR = "supervisor"
    """Beyond the allotment; with a supervisor's PIN."""
    ALLOWED = "allowed"
    """Beyond the allotment; the policy lets it pass, and the sale is marked."""
    BLOCKED = "blocked"


class Plan(NamedTuple):
    """What a sale draws, and the units of each product that no allotment covers."""

    draws: tuple[Draw, ...]
    beyond: Mapping[str, int]

    @property
    def guaranteed(self) -> bool:
        """Whether every unit of the sale is kept for this terminal."""
        return not self.beyond


class Ask(NamedTuple):
    """Ask the server to keep so many units, as a new allotment or as another number of an old one (`Allot`)."""

    product_id: str
    quantity: int
    allotment_id: UUID | None
    ttl_seconds: int


class GiveBack(NamedTuple):
    """Give an allotment back (`AllotRelease`)."""

    product_id: str
    allotment_id: UUID


def wanted_units(units_a_minute: float, policy: AllotmentPolicy) -> int:
    """Returns how many units are to be kept of a product that is sold so fast: for the outage to survive, at most what
    the policy allows."""
    return min(policy.units, ceil(units_a_minute * policy.minutes))


def verdict(policy: AllotmentPolicy, beyond: int) -> Verdict:
    """Returns whether units of which so many are beyond the allotment may be sold while nobody is reached."""
    if beyond <= 0:
        return Verdict.GUARANTEED
    return {
        Beyond.BLOCK: Verdict.BLOCKED,
        Beyond.SUPERVISOR: Verdict.SUPERVISOR,
        Beyond.ALLOW: Verdict.ALLOWED,
    }[policy.beyond]


class Escrow:
    """All allotments of this terminal, one a product."""

    def __init__(self, kept: Iterable[OwnAllotment] = ()) -> None:
        """`kept` are those that the terminal knew when it stopped."""
        self._kept = {one.product_id: one for one in kept}
        self._asked: dict[str, int] = {}
        """What steps under way ask for, by product."""
        self._not_before: dict[str, datetime] = {}
        """Until when it makes no sense to ask for more of a product."""

    @property
    def kept(self) -> list[OwnAllotment]:
        """What is to be stored, by product."""
        return [self._kept[product_id] for product_id in sorted(self._kept)]

    def free(self, product_id: str) -> int:
        """Returns the units of a product that a sale may draw now: guaranteed, whoever is reached."""
        one = self._kept.get(product_id)
        return one.free if one else 0

    def plan(self, units: Mapping[str, int]) -> Plan:
        """Returns what a sale of so many units of each product draws; nothing is taken before `drew`."""
        draws = []
        beyond = {}
        for product_id, wanted in units.items():
            taken = min(wanted, self.free(product_id))
            if taken:
                draws.append(Draw(self._kept[product_id].id, product_id, taken))
            if wanted > taken:
                beyond[product_id] = wanted - taken
        return Plan(tuple(draws), beyond)

    def drew(self, draws: Iterable[Draw]) -> None:
        """Takes note of a sale that is stored on this terminal and waits to be sent."""
        for draw in draws:
            if one := self._of(draw):
                one.drawn += draw.quantity

    def settled(self, draws: Iterable[Draw], taken: Iterable[Draw]) -> None:
        """Takes note of the server's answer to a sale: `taken` of its `draws` came out of the allotments.

        Fewer than were drawn tell that the allotment is gone: somebody reclaimed it.
        """
        given = {draw.allotment_id: draw.quantity for draw in taken}
        for draw in draws:
            if one := self._of(draw):
                one.drawn -= draw.quantity
                one.quantity -= draw.quantity
                if given.get(draw.allotment_id, 0) < draw.quantity:
                    one.quantity = 0
                if one.quantity == 0 and one.product_id not in self._asked:
                    del self._kept[one.product_id]

    def asking(self, step: Ask | GiveBack) -> None:
        """Takes note of a step that is in the queue from now on."""
        quantity = step.quantity if isinstance(step, Ask) else 0
        self._asked[step.product_id] = quantity
        if one := self._kept.get(step.product_id):
            one.asked = quantity

    def answered(self, product_id: str, allotment: Allotment | None, now: datetime) -> None:
        """Takes note of the answer to a step: what is kept now, None if that is nothing.

        It is nothing as well when the server refuses because it has no unit, or knows no such allotment any more.
        """
        asked = self._asked.pop(product_id, 0)
        before = self._kept.pop(product_id, None)
        if allotment is not None:
            drawn = before.drawn if before is not None and before.id == allotment.id else 0
            after = OwnAllotment(allotment.id, product_id, allotment.quantity, now, allotment.due_at, drawn)
            self._kept[product_id] = after
        if asked > (allotment.quantity if allotment else 0):
            self._not_before[product_id] = now + ASKED_AGAIN

    def refused(self, product_id: str, now: datetime) -> None:
        """Takes note that a step changed nothing, because the policy allows fewer units by now."""
        self._asked.pop(product_id, None)
        self._not_before[product_id] = now + ASKED_AGAIN
        if one := self._kept.get(product_id):
            one.asked = None

    def recalled(self, allotment_id: UUID, units: int) -> None:
        """Takes note that the server wants units back for a customer at another terminal."""
        for one in self._kept.values():
            if one.id == allotment_id:
                one.recalled = units

    def steps(
        self,
        rates: Mapping[str, float],
        policy_of: Callable[[str], AllotmentPolicy],
        now: datetime,
        in_cart: Mapping[str, int],
    ) -> list[Ask | GiveBack]:
        """Returns what to ask the server for now, while it is reached; `rates` are units a minute that were sold here.

        Asked for is what has fallen to half of what is wanted, or whose time is half over. Given back is what is not
        wanted any more, or what others want now; what is in the cart stays.
        """
        found: list[Ask | GiveBack] = []
        for product_id in sorted({*self._kept, *rates}):
            if product_id in self._asked:
                continue
            policy, in_this_cart = policy_of(product_id), in_cart.get(product_id, 0)
            one = self._kept.get(product_id)
            wanted = wanted_units(rates.get(product_id, 0.0), policy)
            may_ask = now >= self._not_before.get(product_id, now)
            target = _target(one, wanted, in_this_cart, now, may_ask=may_ask)
            if target == 0 and one is not None:
                found.append(GiveBack(product_id, one.id))
            elif target:
                # Twice the outage: it is renewed when half is over, and then all of the outage is still before it.
                ttl = min(2 * policy.minutes * 60, MAX_TTL_SECONDS)
                found.append(Ask(product_id, target, one.id if one else None, ttl))
        return found

    def _of(self, draw: Draw) -> OwnAllotment | None:
        one = self._kept.get(draw.product_id)
        return one if one is not None and one.id == draw.allotment_id else None


def _target(one: OwnAllotment | None, wanted: int, in_cart: int, now: datetime, *, may_ask: bool) -> int | None:
    """Returns how many units are to be kept from now on; None if nothing is to be changed.

    What was drawn before has gone by when the server hears of it, because sales are before it in the queue.
    """
    if one is None:
        return wanted if wanted and may_ask else None
    in_cart = min(in_cart, one.free)
    if one.recalled:
        return max(in_cart, one.free - one.recalled)
    if not wanted or one.free > TOO_MUCH * wanted:
        target = max(in_cart, wanted)
        return target if target < one.free or target == 0 else _renewal(one, now)
    if one.free * 2 <= wanted and may_ask:
        return max(wanted, in_cart)
    return _renewal(one, now)


def _renewal(one: OwnAllotment, now: datetime) -> int | None:
    """Returns as many units as there are, once half of their time is over."""
    half_over = now >= one.renewed_at + (one.due_at - one.renewed_at) / 2
    return one.free if half_over and one.free else None
