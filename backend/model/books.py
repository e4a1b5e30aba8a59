"""What the rule book reads and what it answers with: the rows of a batch, and the effect of a command on them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from .answers import Answer, Refusal, SaleRecord
from .commands import Command, SaleLine
from .documents import Document
from .reservations import Reservation
from .stock import Key, Levels, Move, Movement, StockRow, Who
from .tenders import Tender


class Books(Struct):
    """The rows a batch of commands touches, as read from the database.

    `stock` has a row (version 0 if it never moved) for every (store, product) of which both exist; a key that is absent
    names something unknown, and `stores` tells which of the two. `reservations` holds the named holds that exist,
    `levels` those that somebody has set, of the rows whose levels a command may change.
    """

    stock: dict[Key, StockRow]
    stores: set[str]
    reservations: dict[UUID, Reservation]
    levels: dict[Key, Levels] = {}
    documents: dict[UUID, Document] = {}
    """Those that the commands of the batch name and that exist."""
    sales: dict[UUID, "Sale"] = {}
    """Those that the commands of the batch name and that their stores have made."""
    moves: dict[Key, tuple[Move, ...]] = {}
    """What has moved a row since the version that a count asks about, in order, for the keys that one asks about."""


class Sale(Struct, frozen=True):
    """A sale as it is stored: the record, its lines, priced in cents, and what it was paid with, if that was said."""

    record: SaleRecord
    lines: tuple[SaleLine, ...]
    actor: str
    terminal_id: str
    tenders: tuple[Tender, ...] = ()
    made_at: datetime | None = None
    """When its terminal says that it was made, if it was told."""
    short: tuple[int, ...] = ()
    """Units of each line that were not there when it was recorded; empty: all were."""


class Refund(Struct, frozen=True):
    """Money that was given back, and the sale that it was paid for; goods without a receipt have none."""

    sale_id: UUID | None
    tenders: tuple[Tender, ...]


class Effect(Struct):
    """Everything one command changes: all of it is stored in one transaction, or none of it."""

    answer: Answer
    movements: Sequence[Movement] = ()
    reservations: Sequence[Reservation] = ()
    sale: Sale | None = None
    refund: Refund | None = None
    short: Sequence[Key] = ()
    """Rows of which it wanted more than is available, without being refused for it."""
    left_at: datetime | None = None
    """When the goods left the store whose units a settled shortfall takes."""

    @property
    def documents(self) -> Sequence[Document]:
        """The documents that it opened or stepped."""
        return self.answer.documents


class Request(Struct, frozen=True):
    """A command and who sent it.

    `objection` is why it may not take effect, found before the ledger was asked; the ledger records it as the answer,
    unless the command's id has an answer already.
    """

    command: Command
    who: Who
    objection: Refusal | None = None
