"""The form in which a proof tells what does not add up."""

from msgspec import Struct


class Drift(Struct, frozen=True):
    """Two numbers that must be equal and are not. `product_id` is empty when `what` concerns a whole document."""

    store_id: str
    product_id: str
    what: str
    expected: int
    found: int

    @property
    def units(self) -> int:
        """By how much, without its sign: two errors must not cancel each other."""
        return abs(self.found - self.expected)
