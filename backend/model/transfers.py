"""Transfers in several steps: what their document says, and the arithmetic that keeps every unit accounted for.

Packing allocates units at the source. Shipping takes them off its shelf and makes them incoming at the destination,
where they stay until they are received, returned or lost. So for each line, at every moment:
`sent = received + damaged + returned + lost + in transit`.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from uuid import UUID

from msgspec import Struct, structs

from .answers import Code, Refusal, ShortLine
from .books import Books
from .commands import Line
from .documents import Document, DocumentKind, Moved, Promise, stepped
from .posting import summed
from .refusals import Refused, unknown_document
from .steps import DocumentStep
from .stock import Change


class TransferStatus(StrEnum):
    """Where a transfer is. It ends as RECEIVED or CANCELLED."""

    DRAFT = "draft"
    """Made by the source, which has packed nothing yet."""
    REQUESTED = "requested"
    """Asked for by the destination; the source has packed nothing yet."""
    PACKED = "packed"
    IN_TRANSIT = "in_transit"
    PARTLY_RECEIVED = "partly_received"
    RECEIVED = "received"
    CANCELLED = "cancelled"


BEFORE_SHIPPING = (TransferStatus.DRAFT, TransferStatus.REQUESTED, TransferStatus.PACKED)
IN_FLIGHT = (TransferStatus.IN_TRANSIT, TransferStatus.PARTLY_RECEIVED)


class TransferLine(Struct, frozen=True):
    """One product of a transfer, in units."""

    product_id: str
    quantity: int
    """As many as were asked for."""
    packed: int = 0
    sent: int = 0
    received: int = 0
    """Arrived and in order; also what a discrepancy case has found."""
    damaged: int = 0
    """Arrived, but cannot be sold."""
    missing: int = 0
    """In a discrepancy case that has not settled yet what became of them."""
    returned: int = 0
    """Back on the source's shelf."""
    lost: int = 0

    @property
    def open(self) -> int:
        """Units on their way of which nobody has said anything yet."""
        return self.sent - self.received - self.damaged - self.missing - self.returned - self.lost

    @property
    def in_transit(self) -> int:
        """Units that have left the source and have neither arrived, nor come back, nor been written off."""
        return self.open + self.missing


class TransferBody(Struct, frozen=True):
    """The body of a transfer's document; the document's store is the source, its other store the destination."""

    lines: tuple[TransferLine, ...]
    """One line per product."""
    steps: tuple[DocumentStep, ...]
    note: str = ""


def _promises(document: Document) -> Iterable[Promise]:
    for line in document.read(TransferBody).lines:
        if document.status == TransferStatus.PACKED:
            yield Promise(document.store_id, line.product_id, allocated=line.packed)
        else:
            yield Promise(document.other_store_id, line.product_id, incoming=line.open)


def _moved(document: Document) -> Iterable[Moved]:
    here, there = document.store_id, document.other_store_id
    for line in document.read(TransferBody).lines:
        arrived = line.received + line.damaged
        yield Moved("transfer_ship", here, line.product_id, Change(on_hand=-line.sent))
        yield Moved("transfer_due", there, line.product_id, Change(incoming=line.sent))
        arrival = Change(on_hand=arrived, unavailable=line.damaged, incoming=-arrived)
        yield Moved("transfer_receive", there, line.product_id, arrival)
        yield Moved("transfer_return", here, line.product_id, Change(on_hand=line.returned))
        yield Moved("transfer_recall", there, line.product_id, Change(incoming=-line.returned))
        yield Moved("transfer_lost", there, line.product_id, Change(incoming=-line.lost))


TRANSFER = DocumentKind(
    "transfer",
    TransferBody,
    promises=_promises,
    moved=_moved,
    movements=(
        "transfer_ship",
        "transfer_due",
        "transfer_receive",
        "transfer_return",
        "transfer_recall",
        "transfer_lost",
    ),
)


def find_transfer(books: Books, store_id: str, transfer_id: UUID) -> tuple[Document, TransferBody]:
    """Returns the transfer and its body. Raises Refused if there is none that `store_id` has to do with."""
    document = books.documents.get(transfer_id)
    if document is None or document.kind != TRANSFER.name or not document.concerns(store_id):
        raise Refused(unknown_document(TRANSFER.name, transfer_id))
    return document, document.read(TransferBody)


def products_of(document: Document | None) -> list[str]:
    """Returns the products of a transfer; none for what is not a transfer."""
    if document is None or document.kind != TRANSFER.name:
        return []
    return [line.product_id for line in document.read(TransferBody).lines]


def as_source(document: Document, store_id: str) -> None:
    """Raises Refused unless `store_id` is the store that sends."""
    if store_id != document.store_id:
        raise Refused(_other_side(document.store_id, "sends"))


def as_destination(document: Document, store_id: str) -> None:
    """Raises Refused unless `store_id` is the store that receives."""
    if store_id != document.other_store_id:
        raise Refused(_other_side(document.other_store_id, "receives"))


def _other_side(store_id: str, does: str) -> Refusal:
    message = f"Only store {store_id}, which {does} these goods, can do this."
    return Refusal(Code.STORE_NOT_ALLOWED, message, field="store_id")


def chosen(lines: Iterable[Line] | None, open_units: Mapping[str, int], what: str) -> dict[str, int]:
    """Returns the units per product in `lines`; without `lines` all that are open.

    Raises Refused for more than are open; `what` says of them what they are ("still on their way").
    """
    if lines is None:
        return {product_id: n for product_id, n in open_units.items() if n > 0}
    wanted = summed(lines)
    within(wanted, open_units, what)
    return wanted


def within(wanted: Mapping[str, int], open_units: Mapping[str, int], what: str) -> None:
    """Raises Refused, with every line that is too much, if `wanted` is more than what is open."""
    over = [ShortLine(p, n, open_units.get(p, 0)) for p, n in wanted.items() if n > open_units.get(p, 0)]
    if over:
        first = over[0]
        message = f"Only {first.available} units of {first.product_id} are {what}, not {first.requested}."
        raise Refused(Refusal(Code.MORE_THAN_OPEN, message, tuple(over), field="lines"))


def added(lines: Iterable[TransferLine], **units: Mapping[str, int]) -> tuple[TransferLine, ...]:
    """Returns the lines with more units per product in the named fields, as `received={"818981": 3}`."""
    return tuple(
        [
            structs.replace(
                line, **{name: getattr(line, name) + of.get(line.product_id, 0) for name, of in units.items()}
            )
            for line in lines
        ]
    )


def went_on(
    document: Document,
    body: TransferBody,
    lines: tuple[TransferLine, ...],
    step: DocumentStep,
    status: TransferStatus | None = None,
) -> Document:
    """Returns the transfer after a step; without `status` it is in the one that follows from what has arrived."""
    body = structs.replace(body, lines=lines, steps=(*body.steps, step))
    return stepped(document, step.at, status=status or _status(lines), body=body)


def _status(lines: Iterable[TransferLine]) -> TransferStatus:
    lines = tuple(lines)
    if all(line.open == 0 for line in lines):
        return TransferStatus.RECEIVED
    untouched = all(line.open == line.sent for line in lines)
    return TransferStatus.IN_TRANSIT if untouched else TransferStatus.PARTLY_RECEIVED
