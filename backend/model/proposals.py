"""Proposals to purchase: what a store wants to buy, until somebody has ordered it or dropped it."""

from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from .commands import Line
from .documents import DocumentKind
from .steps import DocumentStep


class ProposalStatus(StrEnum):
    """Where a proposal is. While it is open its units count as expected."""

    OPEN = "open"
    ORDERED = "ordered"
    DROPPED = "dropped"


class ProposalBody(Struct, frozen=True):
    """The body of a proposal's document."""

    lines: tuple[Line, ...]
    """One line per product."""
    steps: tuple[DocumentStep, ...]
    note: str = ""
    order_id: UUID | None = None
    """The document of the order that it became, if there is one."""


PROPOSAL = DocumentKind("proposal", ProposalBody)
