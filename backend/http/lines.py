"""What a request is about: one product and its quantity, or several as `lines`."""

from collections.abc import Sequence

from backend.model.commands import Line

from .invalid import InvalidBody


def lines_of(product_id: str | None, quantity: int | None, lines: Sequence[Line] | None) -> tuple[Line, ...]:
    """Returns the lines, however they were sent. Raises InvalidBody if they were sent in both ways or not at all."""
    if lines is not None:
        if product_id is not None or quantity is not None:
            raise InvalidBody("lines", "Send product_id and quantity, or lines, not both.")
        return tuple(lines)
    if product_id is None:
        raise InvalidBody("product_id", "product_id is missing; add it, or lines.")
    if quantity is None:
        raise InvalidBody("quantity", "quantity is missing; add it.")
    return (Line(product_id, quantity),)
