"""Units that cannot be sold: into quarantine, back, or out of the books for good."""

from uuid import UUID

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Struct

from backend.approvals.limiting import Limiting
from backend.approvals.routes import ON_THE_SPOT
from backend.approvals.service import approved_on_the_spot, asking_for
from backend.database.engine import Database
from backend.http.commanding import command_id, settle
from backend.http.declaring import COMMAND
from backend.http.request import ApiRequest
from backend.ledger.lanes import Ledger
from backend.model.answers import Answer
from backend.model.commands import Command, Lines, StoreId, Text
from backend.model.reasons import ReasonCode
from backend.model.scopes import Scope
from backend.model.verbs.quarantine import Quarantine
from backend.model.verbs.release import Release
from backend.model.verbs.write_off import Source, WriteOff
from backend.people.approving import SpotApproval
from backend.people.door import Door

from .schemas import CountersShape

_PROBLEMS = (*COMMAND, "insufficient_stock", "reason_not_allowed")


class ReleaseBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Units that can be sold again."""

    store_id: StoreId
    lines: Lines
    reason: Text = ""
    document_id: Text = ""
    id: UUID | None = None


class QuarantineBody(ReleaseBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Units that are not to be sold, and why."""

    reason_code: ReasonCode


class WriteOffBody(QuarantineBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Units that leave for good, from the shelf or from quarantine; above a limit with who approves it."""

    source: Source = Source.AVAILABLE
    approval: SpotApproval | None = None


class CorrectionShape(Struct, frozen=True):
    """What a correction left of each product."""

    store_id: str
    stock: list[CountersShape]


class Corrections:
    """Sends corrections of stock to the ledger, held to the limits of their stores."""

    def __init__(self, db: Database, ledger: Ledger, limiting: Limiting, door: Door) -> None:
        self._db, self._ledger, self._limiting, self._door = db, ledger, limiting, door

    async def send(self, request: ApiRequest, command: Command, approval: SpotApproval | None = None) -> Answer:
        """Returns the ledger's answer. Raises Refused, also for what is above a limit and not approved on the spot."""
        request.auth.require_store(command.store_id)
        if approval is not None:
            asking = await asking_for(self._db, command, "approved on the spot")
            who, origin = request.auth.who, request.origin()
            return await approved_on_the_spot(self._door, self._ledger, asking, who, origin, approval)
        objections = await self._limiting.objections({0: command}, request.auth)
        return await settle(self._ledger, command, request.auth, objections.get(0))


def correction_routes(corrections: Corrections) -> list[HTTPRouteHandler]:
    """POST /stock/quarantine, /stock/release and /stock/write-off"""

    @post("/stock/quarantine", scope=Scope.STOCK_WRITE, problems=_PROBLEMS, status_code=200)
    async def quarantine(request: ApiRequest, data: JSONBody[QuarantineBody]) -> CorrectionShape:
        """Keep units from being sold: they are damaged, under inspection or recalled."""
        command = Quarantine(
            id=command_id(request, data.id),
            store_id=data.store_id,
            lines=data.lines,
            reason_code=data.reason_code,
            reason=data.reason,
            document_id=data.document_id,
        )
        return _left(command, await corrections.send(request, command))

    @post("/stock/release", scope=Scope.STOCK_WRITE, problems=_PROBLEMS, status_code=200)
    async def release(request: ApiRequest, data: JSONBody[ReleaseBody]) -> CorrectionShape:
        """Let units that were in quarantine be sold again."""
        command = Release(
            id=command_id(request, data.id),
            store_id=data.store_id,
            lines=data.lines,
            reason=data.reason,
            document_id=data.document_id,
        )
        return _left(command, await corrections.send(request, command))

    @post(
        "/stock/write-off",
        scope=Scope.STOCK_WRITE,
        problems=(*_PROBLEMS, *ON_THE_SPOT, "approval_needed", "price_not_allowed"),
        status_code=200,
    )
    async def write_off(request: ApiRequest, data: JSONBody[WriteOffBody]) -> CorrectionShape:
        """Take units out of the books for good."""
        command = WriteOff(
            id=command_id(request, data.id),
            store_id=data.store_id,
            lines=data.lines,
            reason_code=data.reason_code,
            source=data.source,
            reason=data.reason,
            document_id=data.document_id,
        )
        return _left(command, await corrections.send(request, command, data.approval))

    return [quarantine, release, write_off]


def _left(command: Command, answer: Answer) -> CorrectionShape:
    return CorrectionShape(command.store_id, [CountersShape.of(row) for row in answer.stock])
