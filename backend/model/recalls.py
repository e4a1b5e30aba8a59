"""Recalls: when a customer wants what terminals keep for themselves, some of those are asked to give it back."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct

from .stock import Key

ANSWERED_WITHIN = timedelta(seconds=1)
"""A terminal that is online has answered a recall by then, which takes back what it was asked for."""
ASKED_AGAIN = timedelta(seconds=5)
"""A terminal that was asked for as much is not asked again for so long."""


class KeptUnits(NamedTuple):
    """An allotment on a product that is short, and what its terminal was asked for before."""

    id: UUID
    store_id: str
    product_id: str
    terminal_id: str
    quantity: int
    wanted: int
    wanted_at: datetime | None
    due_at: datetime

    def is_silent(self, now: datetime) -> bool:
        """Returns whether its terminal seems to hear nobody: it did not answer a recall, or has not renewed in time."""
        unanswered = self.wanted > 0 and self.wanted_at is not None and now - self.wanted_at >= ANSWERED_WITHIN
        return unanswered or self.due_at <= now


class Recall(Struct, frozen=True):
    """Asks a terminal to give back `wanted` units of an allotment, by making it smaller or by releasing it."""

    allotment_id: UUID
    store_id: str
    product_id: str
    terminal_id: str
    wanted: int
    at: datetime


def recalls_of(missing: Mapping[tuple[Key, str], int], kept: Iterable[KeptUnits], now: datetime) -> list[Recall]:
    """Returns whom to ask for what. `missing` are the units that each terminal lacked, by stock row and terminal.

    The largest allotments are asked first, no terminal for what it lacks itself, and none again for what it was asked
    a moment ago. Nobody counts on what a silent one is asked for.
    """
    total: Counter[Key] = Counter()
    for (key, _), units in missing.items():
        total[key] += units
    asked: Counter[Key] = Counter()
    recalls = []
    for one in sorted(kept, key=lambda x: (-x.quantity, x.id)):
        key = (one.store_id, one.product_id)
        others = total[key] - missing.get((key, one.terminal_id), 0)
        is_silent = one.is_silent(now)
        units = min(one.quantity, others, total[key] - asked[key])
        if units < 1:
            continue
        asked[key] += 0 if is_silent else units
        lately = one.wanted_at is not None and now - one.wanted_at < ASKED_AGAIN
        if not (lately and one.wanted >= units):
            recalls.append(Recall(one.id, one.store_id, one.product_id, one.terminal_id, units, now))
    return sorted(recalls, key=lambda x: x.allotment_id)
