"""The stock a replay begins with, as commands: pure, made once, safe to send again."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from backend.ids import new_id
from backend.model.answers import Answer
from backend.model.commands import MAX_LINES, MAX_QUANTITY, Line
from backend.model.stock import Key
from backend.model.verbs.adjust import Adjust
from backend.model.verbs.receive import Receive

from .baskets import Basket

OpeningStock = Literal["tight", "ample"]


def demand_of(baskets: Iterable[Basket]) -> dict[Key, int]:
    """Returns the units that the baskets ask for, per store and product."""
    demand: Counter[Key] = Counter()
    for basket in baskets:
        for line in basket.lines:
            demand[basket.store_id, line.product_id] += line.quantity
    return dict(demand)


def opening_stock(demand: Mapping[Key, int], kind: OpeningStock) -> dict[Key, int]:
    """Returns the units each store begins with: a fifth more than it will be asked for, or three fifths of it."""
    if kind == "ample":
        return {key: min(units + max(2, units // 5), MAX_QUANTITY) for key, units in demand.items()}
    return {key: min(max(1, units * 3 // 5), MAX_QUANTITY) for key, units in demand.items()}


def receipts(opening: Mapping[Key, int], document_id: str) -> Iterator[Receive]:
    """Yields the commands that bring the opening stock into the stores."""
    of_store: defaultdict[str, list[Line]] = defaultdict(list)
    for (store_id, product_id), units in sorted(opening.items()):
        of_store[store_id].append(Line(product_id, units))
    for store_id, lines in of_store.items():
        for start in range(0, len(lines), MAX_LINES):
            part = tuple(lines[start : start + MAX_LINES])
            yield Receive(id=new_id(), store_id=store_id, lines=part, document_id=document_id)


def surpluses(opening: Mapping[Key, int], answers: Iterable[Answer], reason: str) -> Iterator[Adjust]:
    """Yields the commands that take away what was there before, so that no more than the opening stock can be sold.

    `answers` are the ones to `receipts`: they carry the stock after them.
    """
    for answer in answers:
        for row in answer.stock:
            surplus = row.available - opening[row.store_id, row.product_id]
            for start in range(0, surplus, MAX_QUANTITY):
                part = min(surplus - start, MAX_QUANTITY)
                yield Adjust(
                    id=new_id(), store_id=row.store_id, product_id=row.product_id, adjustment=-part, reason=reason
                )
