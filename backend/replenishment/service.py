"""The use cases of replenishment: what a store should order, and turning what was chosen into documents in one act."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, NamedTuple
from uuid import UUID

from msgspec import Meta, Struct
from sqlalchemy import Uuid, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.engine import Database
from backend.database.reads import moment, reading
from backend.database.tables import documents
from backend.documents.queries import LATEST, Place, Side, document_by_id, documents_of
from backend.http.errors import SuggestionChanged, UnknownDocument
from backend.http.problems import Refused
from backend.ids import derived_id
from backend.ledger.lanes import Ledger
from backend.model.books import Request
from backend.model.commands import Command, Line, ProductId, Quantity, StoreId
from backend.model.demand import Demand
from backend.model.documents import Document
from backend.model.proposals import PROPOSAL, ProposalBody, ProposalStatus
from backend.model.purchases import PURCHASE, ExpectedLine
from backend.model.replenishment import (
    DEFAULT_POLICY,
    Policy,
    Standing,
    Suggestion,
    SuggestionKind,
    need_of,
    suggestions_for,
)
from backend.model.stock import Who
from backend.model.verbs.proposal_close import ProposalClose, ProposalOutcome
from backend.model.verbs.propose import Propose
from backend.model.verbs.purchase_open import PurchaseOpen
from backend.model.verbs.transfer_open import TransferOpen
from backend.settings import RuleSettings
from backend.stock.queries import StockLevel, stock_at, stock_in
from backend.stores.queries import all_stores

from .queries import Open, demands, open_units

ROWS = 500
"""Stock rows of a store that are looked at in one statement."""
SCANNED = 5_000
"""Stock rows that one page looks at: one with little to suggest ends there, and the next goes on behind them."""


class Chosen(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A suggestion that somebody accepts, with as many of its units or fewer. `from_store_id` is that of a transfer."""

    store_id: StoreId
    product_id: ProductId
    quantity: Quantity
    from_store_id: Annotated[str, Meta(max_length=32, pattern=r"^[A-Za-z0-9_-]*$(?!\n)")] = ""


class Found(NamedTuple):
    """A page of suggestions, whole products at a time; `behind` is the product to go on behind, None at the end."""

    suggestions: list[Suggestion]
    behind: str | None


def policy_of(settings: RuleSettings) -> Policy:
    """Returns the policy that the settings say."""
    return Policy(settings.replenish_window_days, settings.replenish_lead_days, settings.replenish_cover_days)


class Replenishment:
    """Suggests what stores should order, and opens the documents of what was accepted."""

    def __init__(self, db: Database, ledger: Ledger, policy: Policy = DEFAULT_POLICY) -> None:
        self._db, self._ledger, self._policy = db, ledger, policy

    async def suggestions(self, store_id: str, after: str = "", limit: int = 50) -> Found:
        """Returns what the store should order, by product id, behind the product `after`.

        A page has at least `limit` suggestions unless it looked at SCANNED rows, and ends with a whole product.
        """
        found: list[Suggestion] = []
        async with reading(self._db) as connection:
            now_open = await open_units(connection)
            for _ in range(0, SCANNED, ROWS):
                levels = await stock_in(connection, store_id, after=after, limit=ROWS)
                needy = await self._needy(connection, levels, now_open)
                for first in range(0, len(needy), limit):  # each of them is one suggestion or more
                    some = needy[first : first + limit]
                    for product_id, several in await self._suggested(connection, some, now_open):
                        found += [one for one in several if one.store_id == store_id]
                        if len(found) >= limit:
                            return Found(found, product_id)
                if len(levels) < ROWS:
                    return Found(found, None)
                after = levels[-1].row.product_id
        return Found(found, after)

    async def accept(self, base: UUID, chosen: Sequence[Chosen], who: Who, note: str = "") -> list[Document]:
        """Opens a transfer for each pair of stores and a proposal to purchase for each store, and returns them.

        `base` is the id of the act: done again, it opens nothing more. Raises SuggestionChanged when one of them is not
        suggested any more, and Refused; what of the act was done before stays, and the same act again does the rest.
        """
        commands = _commands(base, chosen, note)
        async with reading(self._db) as connection:
            if not await _any_exists(connection, [command.id for command in commands]):
                await self._ensure_suggested(connection, chosen)
        answers = await self._ledger.submit_many([Request(command, who) for command in commands])
        for answer in answers:
            if answer.refusal is not None:
                raise Refused(answer.refusal)
        return [document for answer in answers for document in answer.documents]

    async def proposal(self, proposal_id: UUID) -> Document:
        """Returns a proposal. Raises UnknownDocument."""
        async with reading(self._db) as connection:
            found = await document_by_id(connection, PROPOSAL.name, proposal_id)
        if found is None:
            raise UnknownDocument(PROPOSAL.name, str(proposal_id))
        return found

    async def proposals(
        self, store_id: str, statuses: Sequence[ProposalStatus], after: Place = LATEST, limit: int = 50
    ) -> list[Document]:
        """Returns the proposals of a store, latest change first."""
        async with reading(self._db) as connection:
            return await documents_of(
                connection, PROPOSAL.name, store_id, statuses, side=Side.OWN, after=after, limit=limit
            )

    async def order(self, proposal: Document, base: UUID, supplier: str, reference: str, who: Who) -> Document:
        """Opens a purchase of what was proposed, which ends the proposal; returns the purchase.

        `base` is the id of the act: done again, it opens nothing more. The proposal ends first: of two who order it,
        one does. Raises Refused.
        """
        purchase_id = derived_id(base, PURCHASE.name)
        lines = tuple([ExpectedLine(line.product_id, line.quantity) for line in proposal.read(ProposalBody).lines])
        close = ProposalClose(
            id=derived_id(base, PROPOSAL.name),
            store_id=proposal.store_id,
            proposal_id=proposal.id,
            outcome=ProposalOutcome.ORDERED,
            order_id=purchase_id,
        )
        opening = PurchaseOpen(
            id=purchase_id, store_id=proposal.store_id, supplier=supplier, lines=lines, reference=reference
        )
        await self.send(close, who)
        return await self.send(opening, who)

    async def send(self, command: Command, who: Who) -> Document:
        """Sends a command; returns the document that it opened or stepped.

        Raises Refused, and what the ledger raises.
        """
        answer = await self._ledger.submit(Request(command, who))
        if answer.refusal is not None:
            raise Refused(answer.refusal)
        return answer.documents[0]

    async def _standings(
        self, connection: AsyncConnection, levels: Sequence[StockLevel], now_open: Open
    ) -> list[Standing]:
        """Returns how these rows stand, in their order."""
        keys = [(level.row.store_id, level.row.product_id) for level in levels]
        sellable = [level.row.available + level.row.reserved for level in levels]
        now = await moment(connection)
        sold = await demands(connection, keys, sellable, now, self._policy.window_days) if keys else {}
        return [_standing(level, sold[key], now_open) for key, level in zip(keys, levels, strict=True)]

    async def _needy(self, connection: AsyncConnection, levels: Sequence[StockLevel], now_open: Open) -> list[str]:
        """Returns the products of these rows, which are one store's, that it needs."""
        standings = await self._standings(connection, levels, now_open)
        return [one.product_id for one in standings if need_of(one, self._policy) is not None]

    async def _suggested(
        self, connection: AsyncConnection, product_ids: Sequence[str], now_open: Open
    ) -> list[tuple[str, list[Suggestion]]]:
        """Returns all that is suggested for these products, to every store, by product in the order given."""
        if not product_ids:
            return []
        store_ids = [store_id for store_id, _ in await all_stores(connection)]
        keys = [(store_id, product_id) for product_id in product_ids for store_id in store_ids]
        found = await stock_at(connection, keys)
        standings: defaultdict[str, list[Standing]] = defaultdict(list)
        for one in await self._standings(connection, [found[key] for key in keys if key in found], now_open):
            standings[one.product_id].append(one)
        return [(product_id, suggestions_for(standings[product_id], self._policy)) for product_id in product_ids]

    async def _ensure_suggested(self, connection: AsyncConnection, chosen: Sequence[Chosen]) -> None:
        now_open = await open_units(connection)
        product_ids = sorted({one.product_id for one in chosen})
        left: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        for _, several in await self._suggested(connection, product_ids, now_open):
            for suggested in several:
                left[suggested.store_id, suggested.product_id, suggested.from_store_id] = suggested.quantity
        for index, one in enumerate(chosen):
            key = (one.store_id, one.product_id, one.from_store_id)
            if one.quantity > left[key]:
                raise SuggestionChanged(f"suggestions[{index}]", one.product_id, one.store_id, left[key])
            left[key] -= one.quantity


def _standing(level: StockLevel, demand: Demand, now_open: Open) -> Standing:
    row = level.row
    key = (row.store_id, row.product_id)
    coming, going = now_open.expected.get(key, 0), now_open.owed.get(key, 0)
    return Standing(*key, row.available, level.levels, demand, row.incoming, coming, going)


def _commands(base: UUID, chosen: Sequence[Chosen], note: str) -> list[TransferOpen | Propose]:
    """Returns the commands of an act: their ids follow from it and from the stores, so the same act has the same."""
    lines: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
    for one in chosen:
        lines[one.from_store_id, one.store_id].append(Line(one.product_id, one.quantity))
    commands: list[TransferOpen | Propose] = []
    for (source, store_id), some in sorted(lines.items()):
        if source:
            kind = SuggestionKind.TRANSFER
            id_ = derived_id(base, f"{kind}:{source}:{store_id}")
            commands.append(
                TransferOpen(
                    id=id_, store_id=store_id, from_store_id=source, to_store_id=store_id, lines=tuple(some), note=note
                )
            )
        else:
            id_ = derived_id(base, f"{SuggestionKind.PURCHASE}:{store_id}")
            commands.append(Propose(id=id_, store_id=store_id, lines=tuple(some), note=note))
    return commands


_EXISTING = select(func.count()).where(documents.c.id.in_(bindparam("ids", expanding=True, type_=Uuid())))


async def _any_exists(connection: AsyncConnection, ids: Sequence[UUID]) -> bool:
    return bool(await connection.scalar(_EXISTING, {"ids": list(ids)}))
