"""Discrepancy cases over HTTP: list them, find out what became of the goods, and give them to somebody."""

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody

from backend.database.engine import Database
from backend.documents.asking import STEP, StoreOf, asked_store, document_id, ensure_concerned, own_side
from backend.documents.queries import LATEST, Place
from backend.http.commanding import command_id
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.model.discrepancies import DISCREPANCY, CaseBody, CaseOutcome, CaseStatus
from backend.model.documents import Document
from backend.model.scopes import Scope
from backend.model.verbs.transfer_assign import TransferAssign
from backend.model.verbs.transfer_settle import TransferSettle

from .bodies import AssignCaseBody, SettleCaseBody
from .schemas import DiscrepanciesShape, DiscrepancyShape
from .service import Transfers


def discrepancy_routes(db: Database, transfers: Transfers) -> list[HTTPRouteHandler]:
    """/discrepancies"""

    async def found(request: ApiRequest, text: str) -> Document:
        """Returns the case, if one of its stores is the caller's."""
        case = await transfers.case(document_id(DISCREPANCY.name, text))
        ensure_concerned(request, case)
        return case

    async def send(request: ApiRequest, command: TransferSettle | TransferAssign) -> DiscrepancyShape:
        request.auth.require_store(command.store_id)
        after = await transfers.step_case(command, request.auth.who)
        return DiscrepancyShape.of(after.case, after.now)

    @get("/discrepancies", scope=Scope.STOCK_READ, problems=("store_not_allowed", "unknown_store"))
    async def listed(
        request: ApiRequest,
        store_id: StoreOf = None,
        status: FromQuery[CaseStatus | None] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[DiscrepanciesShape]:
        """Returns the discrepancy cases of a store, sent or received, latest change first, in pages."""
        after = behind(cursor, Place) or LATEST
        store = await asked_store(db, request, store_id)
        some = await transfers.cases(store, tuple(CaseStatus) if status is None else (status,), after, limit + 1)
        now = await transfers.now()
        shown, headers = page(request, some, limit, Place.of)
        shapes = [DiscrepancyShape.of(case, now) for case in shown]
        return Response(DiscrepanciesShape(store, shapes, len(shapes)), headers=headers)

    @get("/discrepancies/{discrepancy_id:str}", scope=Scope.STOCK_READ, problems=("unknown_document",))
    async def one(request: ApiRequest, discrepancy_id: FromPath[str]) -> DiscrepancyShape:
        """Returns a discrepancy case."""
        return DiscrepancyShape.of(await found(request, discrepancy_id), await transfers.now())

    @post(
        "/discrepancies/{discrepancy_id:str}/settle",
        scope=Scope.TRANSFERS_WRITE,
        problems=(*STEP, "more_than_open"),
        example={"outcome": "found", "reason": "behind the shelf", "lines": [{"product_id": "818981", "quantity": 1}]},
        status_code=200,
    )
    async def settle(
        request: ApiRequest, discrepancy_id: FromPath[str], data: JSONBody[SettleCaseBody]
    ) -> DiscrepancyShape:
        """Say what became of the units: found by the store that receives, returned to the one that sent, or lost."""
        case = await found(request, discrepancy_id)
        sides = {CaseOutcome.FOUND: case.other_store_id, CaseOutcome.RETURNED: case.store_id}
        command = TransferSettle(
            id=command_id(request, data.id),
            store_id=sides.get(data.outcome) or own_side(request, case),
            discrepancy_id=case.id,
            transfer_id=case.read(CaseBody).transfer_id,
            outcome=data.outcome,
            reason=data.reason,
            lines=data.lines,
        )
        return await send(request, command)

    @post(
        "/discrepancies/{discrepancy_id:str}/assign",
        scope=Scope.TRANSFERS_WRITE,
        problems=STEP,
        example={"owner": "luis"},
        status_code=200,
    )
    async def assign(
        request: ApiRequest, discrepancy_id: FromPath[str], data: JSONBody[AssignCaseBody]
    ) -> DiscrepancyShape:
        """Give the case to somebody, who is to find out."""
        case = await found(request, discrepancy_id)
        command = TransferAssign(
            id=command_id(request, data.id),
            store_id=own_side(request, case),
            discrepancy_id=case.id,
            owner=data.owner,
        )
        return await send(request, command)

    return [listed, one, settle, assign]
