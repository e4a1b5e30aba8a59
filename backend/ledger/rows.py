"""Rows as the ledger writes them: each struct's fields are the columns of its table, by name and in order."""

from datetime import datetime
from uuid import UUID

from msgspec import Raw, Struct

from backend.model.answers import Answer
from backend.model.stock import Levels, Movement


class StockChange(Struct, frozen=True):
    """A stock row after the batch; `was` is the version that was read, the optimistic lock (0: a new row)."""

    store_id: str
    product_id: str
    on_hand: int
    unavailable: int
    allocated: int
    reserved: int
    incoming: int
    version: int
    updated_at: datetime
    was: int


class HoldRow(Struct, frozen=True):
    """One product of a new hold."""

    id: UUID
    store_id: str
    product_id: str
    quantity: int
    confirmed: int
    status: str
    expires_at: datetime
    customer_id: str
    actor: str
    terminal_id: str
    created_at: datetime
    updated_at: datetime
    version: int


class HoldChange(Struct, frozen=True):
    """One product of a hold that was extended or ended; `was` is the version of the hold that was read."""

    id: UUID
    store_id: str
    product_id: str
    confirmed: int
    status: str
    expires_at: datetime
    updated_at: datetime
    version: int
    was: int


class CommandRow(Struct, frozen=True):
    """A command and its answer for good."""

    id: UUID
    store_id: str
    kind: str
    fingerprint: str
    answer: Answer
    """Stored as JSON."""
    actor: str
    terminal_id: str
    at: datetime


class SaleRow(Struct, frozen=True):
    """A sale's head."""

    id: UUID
    store_id: str
    receipt_number: str
    terminal_id: str
    actor: str
    total_cents: int
    sold_at: datetime


class SaleLineRow(Struct, frozen=True):
    """A sale's line; lines count from 1."""

    sale_id: UUID
    store_id: str
    line: int
    product_id: str
    quantity: int
    price_cents: int


class OutboxRow(Struct, frozen=True):
    """A message that waits to be published."""

    id: UUID
    store_id: str
    payload: Raw
    """JSON of a `backend.model.events.Message`."""
    created_at: datetime


class Writes(Struct):
    """All that a batch writes, in one transaction or not at all."""

    new_stock: list[StockChange] = []
    stock: list[StockChange] = []
    reservations: list[HoldChange] = []
    movements: list[Movement] = []
    levels: list[Levels] = []
    """New or changed, whole; guarded by the versions of their stock rows."""
    new_reservations: list[HoldRow] = []
    commands: list[CommandRow] = []
    sales: list[SaleRow] = []
    sale_lines: list[SaleLineRow] = []
    outbox: list[OutboxRow] = []
