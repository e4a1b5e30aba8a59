"""Sums of movements, as every comparison of the proof builds them."""

from sqlalchemy import BigInteger, ColumnElement, cast, func

from backend.database.tables import movements
from backend.model.stock import BALANCES


def summed(column: ColumnElement[int]) -> ColumnElement[int]:
    """Returns the sum of a column, 0 over no rows."""
    return cast(func.coalesce(func.sum(column), 0), BigInteger)  # PostgreSQL sums bigints to numeric


CHANGES = tuple(summed(movements.c[f"{name}_change"]).label(name) for name in BALANCES)
"""What the movements of a group add to each balance."""
