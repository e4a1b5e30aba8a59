"""What a terminal makes of an event: stock rows, when they became so, and why if that is told."""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec import Struct

from backend.model.stock import Movement, StockRow

from .writing import Cause


class Told(Struct):
    """The part of an event that the copy is made of; the rest is skipped, not decoded."""

    at: datetime | None = None
    stock: tuple[StockRow, ...] = ()
    transfers: tuple[Movement, ...] = ()
    counts: tuple[Movement, ...] = ()
    movements: tuple[Movement, ...] = ()

    def rows(self) -> Iterator[tuple[StockRow, datetime, Cause | None]]:
        """Yields the states that it tells of."""
        at = self.at or datetime.now(UTC)
        for row in self.stock:
            yield row, at, None
        for x in (*self.transfers, *self.counts, *self.movements):
            cause = Cause(x.kind, x.reason, x.actor, x.terminal_id, x.document_id)
            yield _after(x), x.at, cause


class Page(Struct):
    """Some events of the store, and the position behind them."""

    events: tuple[Told, ...]
    next: str


def _after(movement: Movement) -> StockRow:
    return StockRow(
        movement.store_id,
        movement.product_id,
        movement.on_hand,
        movement.unavailable,
        movement.allocated,
        movement.reserved,
        movement.incoming,
        movement.version,
    )
