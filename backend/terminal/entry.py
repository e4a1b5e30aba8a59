"""What the clerk typed: words to search for, with a quantity before a star (`3*milk`, or `3*` and then a scan)."""

import re

from msgspec import Struct

from backend.model.commands import MAX_QUANTITY
from backend.model.errors import MostradorError

_MULTIPLIED = re.compile(r"\s*([+-]?[\d.,]*\d[\d.,]*)\s*[*×](.*)", re.DOTALL)


class Entry(Struct, frozen=True):
    """A quantity (None if none was given) and the words after it."""

    count: int | None
    words: str


class BadQuantity(MostradorError):
    """The number before the star is no quantity."""

    code = "bad_quantity"

    def __init__(self, entered: str) -> None:
        message = f"{entered[:20]} is no quantity: a whole number from 1 to {MAX_QUANTITY:,}."
        super().__init__(message, entered=entered[:20], maximum=MAX_QUANTITY)


def parse(text: str) -> Entry:
    """Split what was typed. Raises BadQuantity for a zero, negative, fractional or absurd number before the star."""
    match = _MULTIPLIED.fullmatch(text)
    if match is None:
        return Entry(None, text.strip())
    number, words = match.groups()
    if not number.isdigit() or len(number) > 9 or not 1 <= int(number) <= MAX_QUANTITY:
        raise BadQuantity(number)
    return Entry(int(number), words.strip())
