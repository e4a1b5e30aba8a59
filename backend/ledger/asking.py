"""What the procedure that settles a batch asks of a database, what it is given, and what it returns."""

from collections.abc import Generator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct

from backend.model.answers import Answer
from backend.model.books import Books, Request, Sale
from backend.model.documents import Document
from backend.model.events import Outgoing
from backend.model.recalls import KeptUnits
from backend.model.stock import Key

from .rows import (
    Writes,
)


class Ticket(Struct, frozen=True):
    """A request on its way through the ledger, with the fingerprint of its content."""

    request: Request
    fingerprint: str


class Needs(Struct, frozen=True):
    """The rows a batch wants to see: stock by key (in order), holds with the stock they hold, recorded commands.

    Holds are named with the store whose they must be. `levels` are to be read after their stock rows: then a change of
    them in between shows as a moved version.
    """

    stock: list[Key]
    reservations: list[tuple[str, UUID]]
    commands: list[UUID]
    levels: list[Key]
    moved_since: dict[Key, int] = {}
    """Rows of which a count wants the movements after a version; to be read after their stock rows."""


class NamedDocuments(Struct, frozen=True):
    """Asks for the documents with these ids, in order; those that do not exist are left out."""

    ids: list[UUID]


class NamedSales(Struct, frozen=True):
    """Asks for these sales by store and id, with their lines and tenders; those that do not exist are left out."""

    ids: list[tuple[str, UUID]]


class Recorded(Struct, frozen=True):
    """A command that has its answer already."""

    store_id: str
    fingerprint: str
    answer: str


class Snapshot(Struct):
    """The rows as read, and the database's clock at that moment, which is the time of every decision of the batch."""

    now: datetime
    books: Books
    recorded: dict[UUID, Recorded]


class DueHolds(Struct, frozen=True):
    """Asks for holds on these keys whose deadline has passed, oldest first, without those that are `found` already."""

    stock: list[Key]
    found: list[UUID]


class DueHold(NamedTuple):
    """A dead hold that still has to be ended."""

    id: UUID
    store_id: str
    version: int


class Keepers(Struct, frozen=True):
    """Asks for the allotments on these keys."""

    stock: list[Key]


class Settled(Struct):
    """The answers to the tickets, in their order. Valid once `writes` are committed; then `outgoing` is published."""

    answers: list[Answer]
    writes: Writes
    outgoing: list[Outgoing]


Asked = Needs | DueHolds | NamedDocuments | NamedSales | Keepers
Procedure = Generator[Asked, Snapshot | list[DueHold] | list[Document] | list[Sale] | list[KeptUnits], Settled]


class NeedsOneByOne(Exception):
    """A command of the batch names a document or a sale that another command of it makes: settle each of them alone."""
