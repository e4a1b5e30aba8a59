"""What a product costs in a store at a moment: the store's list price, else the chain's, else the catalogue's price."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from .unit_price import UnitPrice

CHAIN = "*"
"""In place of a store: a price in all stores that have none of their own."""


class ListPrice(Struct, frozen=True):
    """A price from a moment on, until the next one of the same list; without cents the list has none from then on."""

    store_id: str
    valid_from: datetime
    price_cents: int | None
    price_per: int = 1
    """Units that the price is for."""


def effective_price(catalogue: UnitPrice, prices: Iterable[ListPrice], store_id: str, at: datetime) -> UnitPrice:
    """Returns the price in a store at a moment. `prices` are those of one product, in any order."""
    begun = [price for price in prices if price.valid_from <= at]
    for one in (store_id, CHAIN):
        last = max((price for price in begun if price.store_id == one), key=lambda x: x.valid_from, default=None)
        if last is not None and last.price_cents is not None:
            return UnitPrice(last.price_cents, last.price_per)
    return catalogue


def prices_between(
    catalogue: UnitPrice, prices: Sequence[ListPrice], store_id: str, since: datetime, until: datetime
) -> list[UnitPrice]:
    """Returns every price that the product had in the store at some moment from `since` to `until`, the last first."""
    changes = {price.valid_from for price in prices if since < price.valid_from <= until}
    moments = sorted({since, until} | changes, reverse=True)
    return list(dict.fromkeys(effective_price(catalogue, prices, store_id, moment) for moment in moments))


def still_told(prices: Iterable[ListPrice], at: datetime) -> list[ListPrice]:
    """Returns those prices of a product that decide what it costs at a moment or later."""
    begun: dict[str, ListPrice] = {}
    to_come = []
    for price in sorted(prices, key=lambda x: x.valid_from):
        if price.valid_from > at:
            to_come.append(price)
        else:
            begun[price.store_id] = price
    return [*begun.values(), *to_come]
