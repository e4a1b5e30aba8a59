"""The use cases of shortfalls, for whoever has a database and a ledger: routes and the command line.

Who may act for which store is the caller's to check.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from msgspec import Struct

from backend.database.engine import Database
from backend.database.reads import reading
from backend.documents.queries import LATEST, Place, document_by_id, documents_of
from backend.http.errors import UnknownDocument
from backend.http.problems import Refused
from backend.ids import derived_id
from backend.ledger.lanes import Ledger
from backend.model.answers import Answer
from backend.model.books import Request
from backend.model.commands import Command, Line, Lines, Reason, StoreId, Text
from backend.model.documents import Document
from backend.model.errors import InvalidInput
from backend.model.scopes import Scope
from backend.model.shortfalls import LIVE, SHORTFALL, Outcome, ShortfallBody, ShortfallStatus
from backend.model.stock import Who
from backend.model.tenders import TenderKind
from backend.model.verbs.shortfall_settle import ShortfallSettle
from backend.model.verbs.transfer_open import TransferOpen
from backend.stock.queries import stock_at

from .schemas import Choice, ShortfallShape


class Resolution(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a person does about a case: about all that is open of it, or about `lines`."""

    choice: Choice
    reason: Reason
    lines: Lines | None = None
    owner: Text = ""
    """Who answers for it while it waits for goods; without it, who says so."""
    from_store_id: StoreId | None = None
    """For `transfer_in`: the store that is asked."""
    refund_by: TenderKind | None = None
    """For `refund`: how the money is given back."""


def scope_of(choice: Choice) -> tuple[Scope, ...]:
    """Returns the rights that a choice takes besides `sales:settle`."""
    return {Choice.TRANSFER_IN: (Scope.TRANSFERS_WRITE,), Choice.REFUND: (Scope.RETURNS_WRITE,)}.get(choice, ())


class Shortfalls:
    """Finds cases, and sends the commands that settle them."""

    def __init__(self, db: Database, ledger: Ledger) -> None:
        self._db, self._ledger = db, ledger

    async def case(self, case_id: UUID) -> Document:
        """Returns a case. Raises UnknownDocument."""
        async with reading(self._db) as connection:
            document = await document_by_id(connection, SHORTFALL.name, case_id)
        if document is None:
            raise UnknownDocument(SHORTFALL.name, str(case_id))
        return document

    async def cases(
        self, store_id: str, statuses: Collection[ShortfallStatus] = LIVE, after: Place = LATEST, limit: int = 50
    ) -> list[Document]:
        """Returns the cases of a store, latest change first."""
        async with reading(self._db) as connection:
            return await documents_of(connection, SHORTFALL.name, store_id, statuses, after=after, limit=limit)

    async def shown(self, *cases: Document) -> list[ShortfallShape]:
        """Returns cases as the wire shows them, with what is available of their products now."""
        available = await self._available(cases)
        return [ShortfallShape.of(case, available.get(case.store_id, {})) for case in cases]

    async def resolve(self, case: Document, resolution: Resolution, command_id: UUID, who: Who) -> Document:
        """Does what a person has chosen, once per `command_id`; returns the case after it.

        A transfer is asked for first, and the case waits for it then. Raises InvalidInput for a choice that lacks
        something, Refused for a refusal, and what the ledger raises.
        """
        choice, transfer_id = resolution.choice, None
        if choice is Choice.REFUND and resolution.refund_by is None:
            raise InvalidInput("refund_by", "refund_by is missing; say how the money is given back.")
        if choice is Choice.TRANSFER_IN:
            transfer_id = await self._asked_for(case, resolution, command_id, who)
            command_id = derived_id(command_id, "shortfall")
        command = ShortfallSettle(
            id=command_id,
            store_id=case.store_id,
            shortfall_id=case.id,
            outcome=Outcome.BACKORDER if choice is Choice.TRANSFER_IN else Outcome(choice.value),
            reason=resolution.reason,
            lines=None if choice in (Choice.TRANSFER_IN, Choice.BACKORDER) else resolution.lines,
            owner=resolution.owner,
            transfer_id=transfer_id,
            refund_by=resolution.refund_by if choice is Choice.REFUND else None,
        )
        answer = await self._send(command, who)
        (after,) = [document for document in answer.documents if document.kind == SHORTFALL.name]
        return after

    async def _asked_for(self, case: Document, resolution: Resolution, command_id: UUID, who: Who) -> UUID:
        """Asks another store for the units; returns the transfer's id."""
        if resolution.from_store_id is None:
            raise InvalidInput("from_store_id", "from_store_id is missing; name the store that is to send the units.")
        # What was short, not what is open now: the same request sent again must be the same command.
        short = [Line(line.product_id, line.short) for line in case.read(ShortfallBody).lines]
        command = TransferOpen(
            id=command_id,
            store_id=case.store_id,
            from_store_id=resolution.from_store_id,
            to_store_id=case.store_id,
            lines=resolution.lines or tuple(short),
            reference=case.reference,
            note=resolution.reason,
        )
        return (await self._send(command, who)).id

    async def _send(self, command: Command, who: Who) -> Answer:
        answer = await self._ledger.submit(Request(command, who))
        if answer.refusal is not None:
            raise Refused(answer.refusal)
        return answer

    async def _available(self, cases: Collection[Document]) -> Mapping[str, Mapping[str, int]]:
        keys = {(case.store_id, line.product_id) for case in cases for line in case.read(ShortfallBody).lines}
        if not keys:
            return {}
        async with reading(self._db) as connection:
            found = await stock_at(connection, sorted(keys))
        available: dict[str, dict[str, int]] = {}
        for (store_id, product_id), level in found.items():
            available.setdefault(store_id, {})[product_id] = level.row.available
        return available
