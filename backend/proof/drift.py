"""The fold that proves the stock all day long: every counter is the sum of its movements and of its holds.

`mostrador verify` proves everything at one moment and reads every table for it. This goes through the rows of stock
for ever, some hundred a second, and never costs the shop a noticeable moment. A row of stock that is missing altogether
is found by `verify` alone.
"""

import structlog

from backend.database.engine import Database
from backend.database.reads import reading
from backend.observability import metrics

from .fold import NOWHERE, Part, Slice, differences, fold_part, next_slice

log = structlog.get_logger(__name__)

ROWS = 500
MOVEMENTS = 5_000
"""Read by one turn: a few milliseconds of the database."""


class DriftFold:
    """Walks over all rows of stock; `units` is what the last whole pass found, or this one if that is more already."""

    def __init__(self, database: Database) -> None:
        self.units = 0
        self._database = database
        self._found = 0
        self._slice: Slice | None = None
        self._after = NOWHERE
        self._part = Part()

    async def turn(self) -> bool:
        """Fold at most MOVEMENTS movements of at most ROWS rows; true when this was the end of a pass.

        Raises MostradorError when the database does not answer; then the next turn tries the same again.
        """
        async with reading(self._database, at_leisure=True) as connection:
            piece = self._slice or await next_slice(connection, self._after, rows=ROWS, movements=MOVEMENTS)
            if piece is None:
                self.units, self._found, self._after = self._found, 0, NOWHERE
                metrics.DRIFT.set(self.units)
                metrics.DRIFT_PASSED.set_to_current_time()
                return True
            self._slice = piece
            if piece.movements - self._part.version > MOVEMENTS:
                # One row with a long history, which only grows at its end.
                key = (piece.store_id, piece.first)
                self._part = await fold_part(connection, key, self._part, self._part.version + MOVEMENTS)
                return False
            found = await differences(connection, piece, self._part)
        for one in found:
            log.error(
                "stock_drift",
                store=one.store_id,
                product_id=one.product_id,
                what=one.what,
                expected=one.expected,
                found=one.found,
            )
        self._found += sum(one.units for one in found)
        self.units = max(self.units, self._found)
        metrics.DRIFT.set(self.units)
        metrics.DRIFT_ROWS.inc(piece.rows)
        self._after, self._slice, self._part = (piece.store_id, piece.last), None, Part()
        return False
