"""The use cases of receiving, for whoever has a database and a ledger: routes, the command line, jobs.

Who may act for which store is the caller's to check.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from msgspec import Struct

from backend.database.engine import Database
from backend.database.reads import reading
from backend.documents.queries import LATEST, Place, Side, document_by_id, documents_by_reference, documents_of
from backend.http.errors import UnknownDocument
from backend.http.problems import Refused
from backend.ledger.lanes import Ledger
from backend.model.books import Request
from backend.model.commands import Command
from backend.model.documents import Document
from backend.model.purchases import (
    PURCHASE,
    RECEIPT,
    RECEIPT_STATUS,
    PurchaseBody,
    PurchaseStatus,
    ReceivedLine,
    UnknownItem,
)
from backend.model.stock import Who

from .queries import Meant, meant_by


class Scanned(Struct, frozen=True):
    """What somebody took out of a delivery under a code: so many pieces, each of which may be a pack."""

    code: str
    good: int = 0
    damaged: int = 0
    cost_cents: int | None = None
    """Of one unit."""


class Receiving:
    """Finds purchases and receipts, and sends the commands that change them."""

    def __init__(self, db: Database, ledger: Ledger) -> None:
        self._db, self._ledger = db, ledger

    async def send(self, command: Command, who: Who) -> tuple[Document, ...]:
        """Sends a command; returns the documents that it opened or stepped, a receipt before its purchase.

        Raises Refused for a refusal, and what the ledger raises.
        """
        answer = await self._ledger.submit(Request(command, who))
        if answer.refusal is not None:
            raise Refused(answer.refusal)
        return answer.documents

    async def purchase(self, purchase_id: UUID) -> Document:
        """Returns a purchase. Raises UnknownDocument."""
        return await self._document(PURCHASE.name, purchase_id)

    async def receipt(self, receipt_id: UUID) -> Document:
        """Returns a receipt. Raises UnknownDocument."""
        return await self._document(RECEIPT.name, receipt_id)

    async def purchases(
        self,
        store_id: str,
        statuses: Collection[PurchaseStatus] = tuple(PurchaseStatus),
        after: Place = LATEST,
        limit: int = 50,
    ) -> list[Document]:
        """Returns the purchases of a store, latest change first."""
        async with reading(self._db) as connection:
            return await documents_of(
                connection, PURCHASE.name, store_id, statuses, side=Side.OWN, after=after, limit=limit
            )

    async def receipts(self, store_id: str, after: Place = LATEST, limit: int = 50) -> list[Document]:
        """Returns the receipts of a store, latest first."""
        async with reading(self._db) as connection:
            return await documents_of(
                connection, RECEIPT.name, store_id, (RECEIPT_STATUS,), side=Side.OWN, after=after, limit=limit
            )

    async def announced(self, store_id: str, supplier: str, reference: str) -> list[Document]:
        """Returns the purchases of a supplier with this reference that were not cancelled."""
        async with reading(self._db) as connection:
            found = await documents_by_reference(connection, PURCHASE.name, store_id, reference)
        return [x for x in found if x.status != PurchaseStatus.CANCELLED and x.read(PurchaseBody).supplier == supplier]

    async def meant(self, codes: Collection[str]) -> dict[str, Meant]:
        """Returns what each code means that the catalogue knows."""
        async with reading(self._db) as connection:
            return await meant_by(connection, codes)

    async def sorted_out(self, scanned: Sequence[Scanned]) -> tuple[tuple[ReceivedLine, ...], tuple[UnknownItem, ...]]:
        """Returns the lines of what the catalogue knows, and the items that it does not know."""
        meant = await self.meant([one.code for one in scanned])
        lines, unknown = [], []
        for one in scanned:
            if (product := meant.get(one.code)) is not None:
                units = product.units
                lines.append(ReceivedLine(product.product_id, one.good * units, one.damaged * units, one.cost_cents))
            elif one.good + one.damaged:
                unknown.append(UnknownItem(one.code, one.good + one.damaged))
        return tuple(lines), tuple(unknown)

    async def _document(self, kind: str, document_id: UUID) -> Document:
        async with reading(self._db) as connection:
            document = await document_by_id(connection, kind, document_id)
        if document is None:
            raise UnknownDocument(kind, str(document_id))
        return document
