"""Which price a product may be sold at: the catalogue's, or one that the catalogue had a short while ago.

A terminal that was offline sells at the price of its cached catalogue, and its sale arrives later; so a price stays
good for OLD_PRICE_GOOD_FOR after it was changed.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta

from backend.model.verbs.sell import Sell

from .answers import Code, OtherPrice, Refusal
from .unit_price import UnitPrice

OLD_PRICE_GOOD_FOR = timedelta(days=7)
"""Longer than the outages of a store. A sale that arrives later is settled by a supervisor."""


def other_prices(sale: Sell, good: Mapping[str, Collection[UnitPrice]]) -> Iterator[OtherPrice]:
    """Yields the lines of `sale` whose price is none of their product's `good` prices, of which the first is today's.

    A product without good prices is not judged: there is no such product, and the ledger says so.
    """
    for index, line in enumerate(sale.lines):
        prices = good.get(line.product_id, ())
        if prices and (asked := line.price) not in prices:
            today = next(iter(prices))
            yield OtherPrice(index, line.product_id, asked.cents, today.cents, asked.per, today.per)


def price_refusal(other: tuple[OtherPrice, ...], *, may_override: bool, field: str) -> Refusal:
    """Returns the refusal of a sale with `other` prices; `field` is what its sender calls the price of a line.

    `may_override` tells a sender who could, and did not say why.
    """
    first = other[0]
    price, asked = UnitPrice(first.price_cents, first.price_per), UnitPrice(first.asked_cents, first.asked_per)
    what = f"lines[{first.line}]: {first.product_id} costs {price}, not {asked}"
    if may_override:
        return Refusal(
            Code.PRICE_NOT_ALLOWED,
            f"{what}; say in price_reason why, or sell at the catalogue's price.",
            field="price_reason",
            prices=other,
        )
    return Refusal(
        Code.PRICE_NOT_ALLOWED,
        f"{what}; sell at the catalogue's price, or ask for approval.",
        field=f"lines[{first.line}].{field}",
        prices=other,
    )
