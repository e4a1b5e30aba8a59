"""Allotments: units that a store keeps for one of its terminals, so that it can sell them while nothing is reached.

An allotment is a hold of one product that is owned by a terminal and never expires (`reservations.NEVER`). The method
is escrow (O'Neil 1986, as a bounded counter in Balegas et al. 2015): what all terminals keep is never more than what
is there, only its owner takes units out of an allotment, and so no terminal has to ask before it sells its own.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from .commands import MAX_LINES, ProductId, Quantity

DEFAULT_TTL_SECONDS = 3600


class Draw(Struct, frozen=True, forbid_unknown_fields=True):
    """Units of a sale that come out of an allotment of its terminal."""

    allotment_id: UUID
    product_id: ProductId
    quantity: Quantity


Draws = Annotated[tuple[Draw, ...], Meta(max_length=MAX_LINES)]


class Allotment(Struct, frozen=True):
    """An allotment as an answer tells of it."""

    id: UUID
    store_id: str
    product_id: str
    terminal_id: str
    quantity: int
    """Units that it has now."""
    due_at: datetime
    """By when its terminal is to renew it. Afterwards it is overdue, which somebody is told; it keeps its units."""


class Beyond(StrEnum):
    """What a terminal that reaches nobody does with a sale beyond its allotment."""

    BLOCK = "block"
    SUPERVISOR = "supervisor"
    """It needs a supervisor's PIN."""
    ALLOW = "allow"


class AllotmentPolicy(Struct, frozen=True):
    """How much of a product each terminal of a store may keep, for how long an outage, and what happens beyond."""

    units: int = 20
    """One terminal keeps no more; 0: none."""
    minutes: int = 60
    """It is to keep what it sells in so long."""
    beyond: Beyond = Beyond.SUPERVISOR


DEFAULT_POLICY = AllotmentPolicy()
"""Of what nobody has said anything about."""
EVERY_PRODUCT = "*"
"""In place of a product: all of a store's that have no policy of their own."""
