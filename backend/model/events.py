"""What the world is told after a commit: the whole new state of what changed, with its version.

Order, duplicates and loss are harmless to a consumer that applies only versions newer than the one it has.
"""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from .alerts import Alert
from .answers import SaleRecord
from .documents import Document
from .recalls import Recall
from .reservations import Reservation
from .stock import Movement, StockRow


class Message(Struct, frozen=True, omit_defaults=True):
    """The changes of one batch in one store: the last state of each row, hold and sale that the batch touched.

    `transfers` are the movements to and from other stores, `counts` those of somebody who looked and corrected,
    `movements` others that a verb wants told; `documents` are told to both of their stores.
    `recalls` ask terminals to give back units that they keep. `alerts` follow a moment
    later, in a message of their own.
    """

    store_id: str
    at: datetime
    stock: tuple[StockRow, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    sales: tuple[SaleRecord, ...] = ()
    transfers: tuple[Movement, ...] = ()
    counts: tuple[Movement, ...] = ()
    alerts: tuple[Alert, ...] = ()
    movements: tuple[Movement, ...] = ()
    documents: tuple[Document, ...] = ()
    recalls: tuple[Recall, ...] = ()


class Outgoing(Struct, frozen=True):
    """A message on its way out: a row of the outbox. `payload` is the message as JSON."""

    id: UUID
    message: Message
    payload: bytes

    @property
    def store_id(self) -> str:
        """The store that it tells of."""
        return self.message.store_id
