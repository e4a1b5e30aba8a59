"""Replenishment over HTTP: suggestions, accepting them, and the proposals to purchase that come of it."""

from base64 import urlsafe_b64encode
from typing import NamedTuple

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import json

from backend.database.engine import Database
from backend.documents.asking import STEP, StoreOf, asked_store, document_id, ensure_concerned
from backend.documents.queries import LATEST, Place
from backend.http.commanding import command_id
from backend.http.declaring import COMMAND
from backend.http.pages import Cursor, Limit, behind, next_link, page
from backend.http.request import ApiRequest
from backend.model.commands import ProductId
from backend.model.documents import Document
from backend.model.proposals import PROPOSAL, ProposalStatus
from backend.model.scopes import Scope
from backend.model.verbs.proposal_close import ProposalClose

from .schemas import (
    AcceptBody,
    AcceptedShape,
    CloseProposalBody,
    OpenedShape,
    OrderProposalBody,
    ProposalShape,
    ProposalsShape,
    SuggestionsShape,
    opened_shape,
)
from .service import Replenishment


class _Product(NamedTuple):
    product_id: ProductId


def replenishment_routes(db: Database, replenishment: Replenishment) -> list[HTTPRouteHandler]:
    """/replenishment"""

    async def found(request: ApiRequest, text: str) -> Document:
        """Returns the proposal, if its store is the caller's."""
        proposal = await replenishment.proposal(document_id(PROPOSAL.name, text))
        ensure_concerned(request, proposal)
        return proposal

    @get("/replenishment/suggestions", scope=Scope.STOCK_READ, problems=("store_not_allowed", "unknown_store"))
    async def suggestions(
        request: ApiRequest, store_id: StoreOf = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Response[SuggestionsShape]:
        """Returns what a store should order, and from where, by product id, in pages.

        Each suggestion shows its arithmetic.
        """
        after = behind(cursor, _Product)
        store = await asked_store(db, request, store_id)
        several = await replenishment.suggestions(store, after.product_id if after else "", limit)
        headers = {}
        if several.behind is not None:
            place = urlsafe_b64encode(json.encode(_Product(several.behind))).decode()
            headers = next_link(request, "cursor", place)
        shape = SuggestionsShape(store, several.suggestions, len(several.suggestions))
        return Response(shape, headers=headers)

    @post(
        "/replenishment/accept",
        scope=Scope.TRANSFERS_WRITE,
        problems=(*COMMAND, "same_store", "suggestion_changed"),
        example={
            "suggestions": [
                {"store_id": "292", "product_id": "818981", "quantity": 12, "from_store_id": "304"},
                {"store_id": "292", "product_id": "1029743", "quantity": 24},
            ]
        },
    )
    async def accept(request: ApiRequest, data: JSONBody[AcceptBody]) -> AcceptedShape:
        """Request transfers and propose purchases, as chosen, in one act: a document for each pair of stores."""
        for store_id in {one.store_id for one in data.suggestions}:
            request.auth.require_store(store_id)
        base = command_id(request, data.id)
        opened = await replenishment.accept(base, data.suggestions, request.auth.who, data.note)
        return AcceptedShape([opened_shape(one) for one in opened], len(opened))

    @get("/replenishment/proposals", scope=Scope.STOCK_READ, problems=("store_not_allowed", "unknown_store"))
    async def proposals(
        request: ApiRequest,
        store_id: StoreOf = None,
        status: FromQuery[ProposalStatus | None] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[ProposalsShape]:
        """Returns the proposals to purchase of a store, latest change first, in pages."""
        after = behind(cursor, Place) or LATEST
        store = await asked_store(db, request, store_id)
        statuses = tuple(ProposalStatus) if status is None else (status,)
        some = await replenishment.proposals(store, statuses, after, limit + 1)
        shown, headers = page(request, some, limit, Place.of)
        shapes = [ProposalShape.of(proposal) for proposal in shown]
        return Response(ProposalsShape(store, shapes, len(shapes)), headers=headers)

    @get("/replenishment/proposals/{proposal_id:str}", scope=Scope.STOCK_READ, problems=("unknown_document",))
    async def one(request: ApiRequest, proposal_id: FromPath[str]) -> ProposalShape:
        """Returns a proposal to purchase."""
        return ProposalShape.of(await found(request, proposal_id))

    @post(
        "/replenishment/proposals/{proposal_id:str}/close",
        scope=Scope.TRANSFERS_WRITE,
        problems=STEP,
        example={"outcome": "ordered", "reason": "order 4711 to the dairy"},
        status_code=200,
    )
    async def close(
        request: ApiRequest, proposal_id: FromPath[str], data: JSONBody[CloseProposalBody]
    ) -> ProposalShape:
        """Say that a proposal was ordered, or dropped; its units are expected no longer."""
        proposal = await found(request, proposal_id)
        command = ProposalClose(
            id=command_id(request, data.id),
            store_id=proposal.store_id,
            proposal_id=proposal.id,
            outcome=data.outcome,
            reason=data.reason,
            order_id=data.order_id,
        )
        request.auth.require_store(command.store_id)
        return ProposalShape.of(await replenishment.send(command, request.auth.who))

    @post(
        "/replenishment/proposals/{proposal_id:str}/order",
        scope=Scope.STOCK_WRITE,
        problems=STEP,
        example={"supplier": "Dairy of the North", "reference": "4711"},
        status_code=200,
    )
    async def order(request: ApiRequest, proposal_id: FromPath[str], data: JSONBody[OrderProposalBody]) -> OpenedShape:
        """Order what was proposed: it becomes a purchase, whose units are incoming, and the proposal ends with it."""
        proposal = await found(request, proposal_id)
        base = command_id(request, data.id)
        request.auth.require_store(proposal.store_id)
        return opened_shape(await replenishment.order(proposal, base, data.supplier, data.reference, request.auth.who))

    return [suggestions, accept, proposals, one, close, order]
