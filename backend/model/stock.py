"""The stock of one product in one store, and the movements that are the only way it changes."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct

Key = tuple[str, str]
"""(store_id, product_id): names one stock row."""


class StockRow(Struct, frozen=True):
    """The counters of one product in one store, in whole base units.

    `version` counts the movements behind the row: a row that never moved has version 0, and every movement adds one.
    """

    store_id: str
    product_id: str
    on_hand: int = 0
    """Physically in the store, sellable or not."""
    unavailable: int = 0
    """On hand but not sellable: damaged, in quality hold."""
    allocated: int = 0
    """Promised to transfers and orders; never expires."""
    reserved: int = 0
    """Held by reservations that have not ended yet."""
    incoming: int = 0
    """On its way to this store."""
    version: int = 0

    @property
    def available(self) -> int:
        """Units that may be sold or held now."""
        return self.on_hand - self.unavailable - self.allocated - self.reserved


class Levels(Struct, frozen=True):
    """How much of a product a store wants to have, in whole base units; 0 where nobody has said.

    They are written with their stock row and under its version, so that version speaks for both.
    """

    store_id: str
    product_id: str
    safety_stock: int = 0
    """Kept back for what nobody foresees."""
    reorder_point: int = 0
    """When so little is available, more is ordered."""
    reorder_quantity: int = 0
    """How much is ordered then."""
    min_level: int = 0
    max_level: int = 0


class Change(NamedTuple):
    """What a movement adds to each balance of a stock row, in units with their sign."""

    on_hand: int = 0
    unavailable: int = 0
    allocated: int = 0
    reserved: int = 0
    incoming: int = 0


BALANCES = Change._fields
"""The names of the balances; each is the sum of its changes, the fields `<name>_change` of the movements."""


class Movement(Struct, frozen=True):
    """One immutable line of the ledger: one change of one stock row.

    Its key is (store_id, product_id, version), so the movements of a row are numbered without gaps. It carries the
    signed changes, the values after it, and who caused it, where, why and when.
    """

    store_id: str
    product_id: str
    version: int
    kind: str
    reason: str
    on_hand_change: int
    reserved_change: int
    on_hand: int
    unavailable: int
    allocated: int
    reserved: int
    incoming: int
    actor: str
    terminal_id: str
    document_id: str
    command_id: UUID
    at: datetime
    unavailable_change: int = 0
    allocated_change: int = 0
    incoming_change: int = 0


class Move(NamedTuple):
    """What a count has to know of a movement: what it did to the units on hand, and when that happened."""

    version: int
    kind: str
    on_hand_change: int
    at: datetime
    """When it was recorded."""
    made_at: datetime | None = None
    """For a sale: when its terminal says that it was made; for what a sale was short of: when that left the store."""


class Who(Struct, frozen=True):
    """The person (or process, as `system:…`) and the terminal behind a command."""

    actor: str
    terminal_id: str = ""
