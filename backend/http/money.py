"""Money on the wire: a JSON number with at most two decimals; inside it is whole cents."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from .invalid import InvalidBody

MAX_PRICE = 1_000_000
Price = Annotated[float, Meta(ge=0, le=MAX_PRICE)]


def cents(field: str, price: float) -> int:
    """Returns the price that `field` holds, exactly. Raises InvalidBody for a fraction of a cent."""
    # The shortest text of a float is what was sent, as long as that had no more than 15 digits.
    exact = Decimal(repr(price)) * 100
    if exact != int(exact):
        raise InvalidBody(field, f"{field} must have at most two decimals.")
    return int(exact)
