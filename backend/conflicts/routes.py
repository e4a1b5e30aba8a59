"""POST /conflicts/settle: a refused sale whose goods left the shop was settled by hand."""

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import structs

from backend.database.engine import Database
from backend.http.declaring import LEDGER, ONCE
from backend.http.rates import SIGN_IN
from backend.http.request import ApiRequest
from backend.ledger.lanes import Ledger
from backend.model.conflicts import Settlement
from backend.model.scopes import Scope
from backend.people.approving import SpotApproval
from backend.people.door import Door

from .service import Settled, end_refused_sale, settle_conflict


class SettleBody(Settlement, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A settlement, with who approves it where one person is not enough."""

    approval: SpotApproval | None = None


def conflict_routes(db: Database, ledger: Ledger, door: Door) -> list[HTTPRouteHandler]:
    """POST /conflicts/settle."""

    @post(
        "/conflicts/settle",
        scope=Scope.SALES_WRITE,
        problems=(
            *ONCE,
            *LEDGER,
            "store_not_allowed",
            "unknown_store",
            "approval_needed",
            "sign_in_refused",
            "sign_in_locked",
        ),
        rate=SIGN_IN,
        status_code=200,
    )
    async def settle(request: ApiRequest, data: JSONBody[SettleBody]) -> Settled:
        """Record what was done about a sale that the ledger refused after its receipt was given."""
        approval, origin = data.approval, request.origin()
        request.auth.require_store(data.store_id)
        if approval is not None:
            who = structs.replace(origin, actor=approval.user)
            await door.approve(who, approval.pin, data.store_id, Scope.SALES_SETTLE)
        said = {field: getattr(data, field) for field in Settlement.__struct_fields__}
        settlement = Settlement(**said)
        settled = await settle_conflict(db, request.auth, origin, settlement, approval.user if approval else "")
        await end_refused_sale(db, ledger, settlement, request.auth.who)
        return settled

    return [settle]
