"""The use cases of counting, for whoever has a database and a ledger: routes, the command line, jobs.

Who may act for which store is the caller's to check, and who approves.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from msgspec import Struct

from backend.database.engine import Database
from backend.database.reads import reading
from backend.documents.queries import LATEST, Place, Side, document_by_id, documents_of
from backend.http.errors import UnknownDocument
from backend.http.problems import Refused
from backend.ledger.lanes import Ledger
from backend.model.books import Request
from backend.model.commands import MAX_LINES, Command
from backend.model.counts import COUNT, CountBody, CountStatus, Difference, LineBody, difference, line_id
from backend.model.documents import Document
from backend.model.stock import Who
from backend.model.verbs.count_post import CountPost

from .queries import lines_of, moves_since, to_count


class CountLine(Struct, frozen=True):
    """A line of a count, and what it differs by as the books are now."""

    line: LineBody
    status: str
    found: Difference


class FoundCount(Struct, frozen=True):
    """A count with its lines, by product, and the products that nobody has counted yet."""

    count: Document
    lines: tuple[CountLine, ...]
    uncounted: tuple[str, ...]


class Counts:
    """Finds counts, and sends the commands that change them."""

    def __init__(self, db: Database, ledger: Ledger) -> None:
        self._db, self._ledger = db, ledger

    async def send(self, command: Command, who: Who) -> tuple[Document, ...]:
        """Sends a command; returns the count after it, and then the lines that it changed.

        Raises Refused for a refusal, and what the ledger raises.
        """
        answer = await self._ledger.submit(Request(command, who))
        if answer.refusal is not None:
            raise Refused(answer.refusal)
        return answer.documents

    async def post(
        self,
        count: Document,
        command_id: UUID,
        who: Who,
        *,
        products: Sequence[str] | None = None,
        finish: bool = True,
        approved_by: str = "",
        reason: str = "",
    ) -> FoundCount:
        """Posts the products named, or all that were counted; many of them in several commands, one after the other.

        Raises like `send`; then what came before the refused command is posted. The same id again goes on behind it.
        """
        if products is None:
            async with reading(self._db) as connection:
                lines = await lines_of(connection, count.store_id, count.id)
            products = [line.read(LineBody).product_id for line in lines]
        parts = [products[start : start + MAX_LINES] for start in range(0, len(products), MAX_LINES)] or [()]
        for number, some in enumerate(parts):
            last = number == len(parts) - 1
            command = CountPost(
                id=command_id if last else line_id(command_id, str(number)),
                store_id=count.store_id,
                count_id=count.id,
                products=tuple(some),
                finish=finish and last,
                approved_by=approved_by,
                reason=reason,
            )
            await self.send(command, who)
        return await self.find(count.id)

    async def count(self, count_id: UUID) -> Document:
        """Returns a count. Raises UnknownDocument."""
        async with reading(self._db) as connection:
            document = await document_by_id(connection, COUNT.name, count_id)
        if document is None:
            raise UnknownDocument(COUNT.name, str(count_id))
        return document

    async def find(self, count_id: UUID) -> FoundCount:
        """Returns a count with its lines and what is still to be counted. Raises UnknownDocument."""
        count = await self.count(count_id)
        async with reading(self._db) as connection:
            documents = await lines_of(connection, count.store_id, count.id)
            bodies = [document.read(LineBody) for document in documents]
            moves = await moves_since(connection, count.store_id, bodies)
            wanted = await to_count(connection, count.store_id, count.read(CountBody))
        lines = tuple(
            [
                CountLine(line, document.status, difference(line, moves.get((count.store_id, line.product_id), ())))
                for document, line in zip(documents, bodies, strict=True)
            ]
        )
        counted = {line.product_id for line in bodies}
        return FoundCount(count, lines, tuple([x for x in wanted if x not in counted]))

    async def listed(
        self,
        store_id: str,
        statuses: Collection[CountStatus] = tuple(CountStatus),
        after: Place = LATEST,
        limit: int = 50,
    ) -> list[Document]:
        """Returns the counts of a store, latest change first."""
        async with reading(self._db) as connection:
            return await documents_of(
                connection, COUNT.name, store_id, statuses, side=Side.OWN, after=after, limit=limit
            )
