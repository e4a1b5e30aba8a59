"""The use cases of transfers, for whoever has a database and a ledger: routes, the command line, jobs.

Who may act for which store is the caller's to check; which store may do what, the rule book says.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from backend.database.engine import Database
from backend.database.reads import moment, reading
from backend.documents.queries import LATEST, Place, Side, document_by_id, documents_by_reference, documents_of
from backend.http.errors import UnknownDocument
from backend.http.problems import Refused
from backend.ledger.lanes import Ledger
from backend.model.answers import Answer
from backend.model.books import Request
from backend.model.commands import Command
from backend.model.discrepancies import DISCREPANCY, CaseStatus
from backend.model.documents import Document
from backend.model.stock import Who
from backend.model.transfers import TRANSFER, TransferStatus
from backend.model.verbs.transfer_assign import TransferAssign
from backend.model.verbs.transfer_settle import TransferSettle


class FoundTransfer(Struct, frozen=True):
    """A transfer with discrepancy cases of it, oldest first, as they are at `now`."""

    transfer: Document
    cases: tuple[Document, ...]
    now: datetime


class FoundCase(Struct, frozen=True):
    """A discrepancy case as it is at `now`."""

    case: Document
    now: datetime


class Transfers:
    """Finds transfers and cases, and sends the commands that change them."""

    def __init__(self, db: Database, ledger: Ledger) -> None:
        self._db, self._ledger = db, ledger

    async def step(self, command: Command, who: Who) -> FoundTransfer:
        """Sends a command; returns the transfer that it opened or stepped, with the cases that it opened.

        Raises Refused for a refusal, and what the ledger raises.
        """
        answer = await self._send(command, who)
        (transfer,) = [document for document in answer.documents if document.kind == TRANSFER.name]
        cases = tuple([document for document in answer.documents if document.kind == DISCREPANCY.name])
        return FoundTransfer(transfer, cases, _time_of(answer))

    async def step_case(self, command: TransferSettle | TransferAssign, who: Who) -> FoundCase:
        """Sends a command about a case; returns the case after it. Raises like `step`."""
        answer = await self._send(command, who)
        return FoundCase(answer.documents[0], _time_of(answer))

    async def find(self, transfer_id: UUID) -> FoundTransfer:
        """Returns a transfer with its cases. Raises UnknownDocument."""
        return await self._with_cases(await self.transfer(transfer_id))

    async def transfer(self, transfer_id: UUID) -> Document:
        """Returns a transfer. Raises UnknownDocument."""
        return await self._document(TRANSFER.name, transfer_id)

    async def case(self, case_id: UUID) -> Document:
        """Returns a discrepancy case. Raises UnknownDocument."""
        return await self._document(DISCREPANCY.name, case_id)

    async def listed(
        self,
        store_id: str,
        statuses: Collection[TransferStatus] = tuple(TransferStatus),
        side: Side = Side.BOTH,
        after: Place = LATEST,
        limit: int = 50,
    ) -> list[Document]:
        """Returns the transfers of a store, latest change first; Side.OWN are those that it sends."""
        async with reading(self._db) as connection:
            return await documents_of(
                connection, TRANSFER.name, store_id, statuses, side=side, after=after, limit=limit
            )

    async def cases(
        self,
        store_id: str,
        statuses: Collection[CaseStatus] = (CaseStatus.OPEN,),
        after: Place = LATEST,
        limit: int = 50,
    ) -> list[Document]:
        """Returns the discrepancy cases of a store, on whichever side it is, latest change first."""
        async with reading(self._db) as connection:
            return await documents_of(connection, DISCREPANCY.name, store_id, statuses, after=after, limit=limit)

    async def now(self) -> datetime:
        """Returns the database's clock, by which ages are told."""
        async with reading(self._db) as connection:
            return await moment(connection)

    async def _send(self, command: Command, who: Who) -> Answer:
        answer = await self._ledger.submit(Request(command, who))
        if answer.refusal is not None:
            raise Refused(answer.refusal)
        return answer

    async def _document(self, kind: str, document_id: UUID) -> Document:
        async with reading(self._db) as connection:
            document = await document_by_id(connection, kind, document_id)
        if document is None:
            raise UnknownDocument(kind, str(document_id))
        return document

    async def _with_cases(self, transfer: Document) -> FoundTransfer:
        async with reading(self._db) as connection:
            cases = await documents_by_reference(connection, DISCREPANCY.name, transfer.store_id, str(transfer.id), 500)
            now = await moment(connection)
        return FoundTransfer(transfer, tuple(sorted(cases, key=lambda case: case.created_at)), now)


def _time_of(answer: Answer) -> datetime:
    """Returns when the command was decided, so that a retry of it is answered letter by letter the same."""
    assert answer.at is not None
    return answer.at
