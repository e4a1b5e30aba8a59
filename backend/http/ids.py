"""Ids in the address of a request."""

from collections.abc import Callable
from uuid import UUID

from backend.model.errors import MostradorError


def id_or(unknown: Callable[[str], MostradorError], text: str) -> UUID:
    """Returns the id that `text` spells. Raises `unknown(text)` if it is no UUID: it is the id of nothing."""
    try:
        return UUID(text)
    except ValueError:
        raise unknown(text) from None
