"""What clients send about transfers and discrepancy cases."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from backend.model.commands import MAX_LINES, Lines, ProductId, Quantity, Reason, StoreId, Text
from backend.model.discrepancies import CaseOutcome
from backend.model.verbs.transfer_assign import Owner
from backend.model.verbs.transfer_cancel import InFlight
from backend.model.verbs.transfer_receive import TransferReceiptLine


class _Body(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: UUID | None = None


class OpenTransferBody(_Body, frozen=True, kw_only=True):
    """Goods that are to go from one store to another: one product, or several in `lines`."""

    from_store_id: StoreId
    to_store_id: StoreId
    store_id: StoreId | None = None
    """The store that asks, one of the two; by default the one signed in at."""
    product_id: ProductId | None = None
    quantity: Quantity | None = None
    lines: Lines | None = None
    reference: Text = ""
    note: Text = ""


class PackTransferBody(_Body, frozen=True, kw_only=True):
    """What is packed: everything, or only `lines`."""

    lines: Lines | None = None


class ShipTransferBody(_Body, frozen=True, kw_only=True):
    """The number of the delivery note, if there is one."""

    reference: Text = ""


class ReceiveTransferBody(_Body, frozen=True, kw_only=True):
    """What arrived, and what will not."""

    lines: Annotated[tuple[TransferReceiptLine, ...], Meta(min_length=1, max_length=MAX_LINES)]
    reason: Text = ""


class CloseTransferBody(_Body, frozen=True, kw_only=True):
    """Why nothing more will arrive, if that is known."""

    reason: Text = ""


class CancelTransferBody(_Body, frozen=True, kw_only=True):
    """Why, and what becomes of goods that are on their way."""

    reason: Reason
    in_flight: InFlight | None = None


class SettleCaseBody(_Body, frozen=True, kw_only=True):
    """What became of the units: of all that are open, or only of `lines`."""

    outcome: CaseOutcome
    reason: Reason
    lines: Lines | None = None


class AssignCaseBody(_Body, frozen=True, kw_only=True):
    """Who is to find out."""

    owner: Owner
