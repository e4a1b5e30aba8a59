"""The use cases of pickups and count tasks, for whoever has a database and a ledger."""

from collections.abc import Collection
from uuid import UUID

from msgspec import Struct

from backend.database.engine import Database
from backend.database.reads import reading
from backend.documents.queries import LATEST, Place, Side, document_by_id, documents_by_reference, documents_of
from backend.http.errors import UnknownDocument
from backend.http.problems import Refused
from backend.ledger.lanes import Ledger
from backend.model.answers import Answer
from backend.model.books import Request
from backend.model.commands import Command
from backend.model.documents import Document
from backend.model.pickups import COUNT_TASK, PICKUP, CountTaskStatus, PickupStatus
from backend.model.stock import Who
from backend.model.verbs.count_task_done import CountTaskDone

from .queries import HoldState, hold_states, state_at


class FoundPickup(Struct, frozen=True):
    """A pickup, how its hold is now, and the count tasks that came of it."""

    pickup: Document
    hold: HoldState
    count_tasks: tuple[UUID, ...] = ()


class Pickups:
    """Finds pickups and count tasks, and sends the commands that change them."""

    def __init__(self, db: Database, ledger: Ledger) -> None:
        self._db, self._ledger = db, ledger

    async def step(self, command: Command, who: Who) -> FoundPickup:
        """Sends a command; returns the pickup that it opened or stepped, as it was when that was decided.

        Raises Refused for a refusal, and what the ledger raises.
        """
        answer = await self._send(command, who)
        assert answer.at is not None
        assert answer.reservation is not None
        pickup, *tasks = answer.documents
        return FoundPickup(pickup, state_at(answer.reservation, answer.at), tuple([task.id for task in tasks]))

    async def count_task_done(self, command: CountTaskDone, who: Who) -> Document:
        """Sends the command; returns the count task after it. Raises like `step`."""
        return (await self._send(command, who)).documents[0]

    async def _send(self, command: Command, who: Who) -> Answer:
        answer = await self._ledger.submit(Request(command, who))
        if answer.refusal is not None:
            raise Refused(answer.refusal)
        return answer

    async def pickup(self, pickup_id: UUID) -> Document:
        """Returns a pickup. Raises UnknownDocument."""
        return await self._document(PICKUP.name, pickup_id)

    async def count_task(self, count_task_id: UUID) -> Document:
        """Returns a count task. Raises UnknownDocument."""
        return await self._document(COUNT_TASK.name, count_task_id)

    async def whole(self, pickup: Document) -> FoundPickup:
        """Returns a pickup with its hold and its count tasks."""
        async with reading(self._db) as connection:
            states = await hold_states(connection, [pickup.id])
            tasks = await documents_by_reference(connection, COUNT_TASK.name, pickup.store_id, str(pickup.id))
        return FoundPickup(pickup, states[pickup.id], tuple([task.id for task in tasks]))

    async def listed(
        self,
        store_id: str,
        statuses: Collection[PickupStatus] = tuple(PickupStatus),
        side: Side = Side.BOTH,
        after: Place = LATEST,
        limit: int = 50,
    ) -> list[FoundPickup]:
        """Returns the pickups of a store, latest change first; Side.OWN are those that it was asked for."""
        async with reading(self._db) as connection:
            found = await documents_of(connection, PICKUP.name, store_id, statuses, side=side, after=after, limit=limit)
            states = await hold_states(connection, [pickup.id for pickup in found])
        return [FoundPickup(pickup, states[pickup.id]) for pickup in found]

    async def count_tasks(
        self,
        store_id: str,
        statuses: Collection[CountTaskStatus] = (CountTaskStatus.OPEN,),
        after: Place = LATEST,
        limit: int = 50,
    ) -> list[Document]:
        """Returns the count tasks of a store, latest change first."""
        async with reading(self._db) as connection:
            return await documents_of(
                connection, COUNT_TASK.name, store_id, statuses, side=Side.OWN, after=after, limit=limit
            )

    async def _document(self, kind: str, document_id: UUID) -> Document:
        async with reading(self._db) as connection:
            document = await document_by_id(connection, kind, document_id)
        if document is None:
            raise UnknownDocument(kind, str(document_id))
        return document
