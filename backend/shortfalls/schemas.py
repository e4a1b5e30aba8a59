"""How answers show shortfall cases, and what can be done about one, with what that means in plain words."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from backend.model.documents import Document
from backend.model.shortfalls import LIVE, ShortfallBody
from backend.model.steps import DocumentStep


class Choice(StrEnum):
    """What a person may do about a case."""

    TAKE = "take"
    BACKORDER = "backorder"
    TRANSFER_IN = "transfer_in"
    ADJUST = "adjust"
    REFUND = "refund"
    DISMISS = "dismiss"


class ChoiceShape(Struct, frozen=True):
    """One of the things that can be done, what it does, and whether it can be done now."""

    choice: Choice
    consequence: str
    possible: bool


class ShortfallLineShape(Struct, frozen=True):
    """One product of a case, in units.

    `sold = there + short`, and `short = open + taken + found + returned + dismissed`.
    """

    product_id: str
    sold: int
    """What the terminal says."""
    there: int
    """What the server could take."""
    short: int
    open: int
    taken: int
    found: int
    returned: int
    dismissed: int
    available: int | None
    """Now, in the store; null in the answer to a resolution, which is the same for ever."""


class ShortfallShape(Struct, frozen=True, kw_only=True):
    """A shortfall case: its id is the sale's."""

    id: UUID
    store_id: str
    receipt_number: str
    status: str
    actor: str
    """Who told of the sale, at `terminal_id`."""
    terminal_id: str
    sequence: int
    guaranteed: bool
    """Whether the terminal says that its allotments covered the sale."""
    approved_by: str
    left_at: datetime
    """When the goods left, as far as anybody knows; `created_at` is when the server was told."""
    owner: str
    transfer_id: UUID | None
    lines: tuple[ShortfallLineShape, ...]
    steps: tuple[DocumentStep, ...]
    choices: tuple[ChoiceShape, ...]
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, case: Document, available: Mapping[str, int] | None = None) -> "ShortfallShape":
        """Returns `case` as the wire shows it; `available` is what its store has of its products now, if read."""
        body = case.read(ShortfallBody)
        lines = [
            ShortfallLineShape(
                x.product_id,
                x.sold,
                x.sold - x.short,
                x.short,
                x.open,
                x.taken,
                x.found,
                x.returned,
                x.dismissed,
                None if available is None else available.get(x.product_id, 0),
            )
            for x in body.lines
        ]
        return cls(
            id=case.id,
            store_id=case.store_id,
            receipt_number=receipt_of(case),
            status=case.status,
            actor=case.actor,
            terminal_id=case.terminal_id,
            sequence=body.offline.sequence,
            guaranteed=body.offline.guaranteed,
            approved_by=body.offline.approved_by,
            left_at=body.left_at,
            owner=body.owner,
            transfer_id=body.transfer_id,
            lines=tuple(lines),
            steps=body.steps,
            choices=() if available is None or case.status not in LIVE else tuple(choices_of(body, available)),
            created_at=case.created_at,
            updated_at=case.updated_at,
            version=case.version,
        )


class ShortfallsShape(Struct, frozen=True):
    """A page of the cases of a store, latest change first."""

    store_id: str
    shortfalls: list[ShortfallShape]
    count: int


def receipt_of(case: Document) -> str:
    """Returns the number of the receipt; empty if the sale had none."""
    return "" if case.reference == str(case.id) else case.reference


def choices_of(body: ShortfallBody, available: Mapping[str, int]) -> Iterator[ChoiceShape]:
    """Yields what can be done about what is open of a case."""
    units = sum(body.open.values())
    them = "1 unit" if units == 1 else f"{units} units"
    lacking = sum(max(0, n - available.get(product_id, 0)) for product_id, n in body.open.items())
    can_take = f"Takes {them} from what is available; stock on hand falls by {units}."
    cannot = f"Takes {them} from the stock; possible once {lacking} more are available."
    yield ChoiceShape(Choice.TAKE, cannot if lacking else can_take, not lacking)
    yield ChoiceShape(
        Choice.BACKORDER, f"Nothing moves yet: a named person answers for {them} until goods come and are taken.", True
    )
    yield ChoiceShape(
        Choice.TRANSFER_IN, f"Asks another store for {them}. When they have arrived, take them from the stock.", True
    )
    yield ChoiceShape(
        Choice.ADJUST,
        f"Says that {them} had been in the store without the books knowing: found and sold, on hand stays as it is.",
        True,
    )
    yield ChoiceShape(
        Choice.REFUND,
        f"The customer brings {them} back and gets the money. Stock on hand stays as it is: they were never taken off.",
        True,
    )
    yield ChoiceShape(
        Choice.DISMISS, f"Closes the case for {them} with your reason. No stock moves and no money is paid.", True
    )
