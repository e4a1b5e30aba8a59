"""Settling a refused sale by hand: what is to be said about it, and when one person is not enough.

The goods left the shop and the ledger does not have them. That is a loss until somebody explains it, so the
explanation is recorded and never only forgotten.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from .commands import SaleLine, SaleLines, StoreId, Text

CLERK_LIMIT_CENTS = 2_000
"""A clerk settles a refused sale up to this total alone; above it a supervisor approves."""


class SettlingReason(StrEnum):
    """Why a refused sale need not be recorded as a sale any more."""

    RUNG_UP_AGAIN = "rung_up_again"
    GOODS_RETURNED = "goods_returned"
    WRITTEN_OFF = "written_off"
    OTHER = "other"


class Settlement(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A refused sale and what was done about it. The terminal makes `id`; sent again it is recorded once."""

    id: UUID
    store_id: StoreId
    receipt_number: Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9/_-]+$(?!\n)")]
    sale_id: UUID
    """The id of the command that the ledger refused."""
    sold_at: Annotated[datetime, Meta(tz=True)]
    """When the customer got the receipt, by the terminal's clock."""
    lines: SaleLines
    refusal: Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[a-z0-9_]+$(?!\n)")]
    """The code of the ledger's refusal."""
    reason: SettlingReason
    note: Text = ""
    settled_by: Text = ""
    """Who said so at the terminal; who sends it may have signed in later."""

    @property
    def total_cents(self) -> int:
        """What the customer paid."""
        return total_of(self.lines)


def total_of(lines: Iterable[SaleLine]) -> int:
    """Returns the price of all units in cents."""
    return sum(line.amount_cents for line in lines)


def needs_supervisor(total_cents: int) -> bool:
    """Returns whether a clerk may not settle a refused sale of this total alone."""
    return total_cents > CLERK_LIMIT_CENTS
