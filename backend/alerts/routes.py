"""Alerts over HTTP: what somebody should look at in a store."""

from datetime import datetime
from enum import StrEnum

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery
from msgspec import Struct

from backend.database.engine import Database
from backend.documents.asking import StoreOf, asked_store
from backend.http.request import ApiRequest
from backend.model.scopes import Scope

from .findings import OpenAlert
from .service import RULES, Alerts

RuleName = StrEnum("RuleName", {name.upper(): name for name in RULES})  # type: ignore[misc]  # made of the registry


class AlertsShape(Struct, frozen=True):
    """The open alerts of a store; `cut` names the rules of which there are more than these."""

    store_id: str
    at: datetime
    alerts: list[OpenAlert]
    count: int
    cut: list[str]


def alert_routes(db: Database, alerts: Alerts) -> list[HTTPRouteHandler]:
    """GET /alerts"""

    @get("/alerts", scope=Scope.AUDIT_READ, problems=("store_not_allowed", "unknown_store"))
    async def listed(
        request: ApiRequest, store_id: StoreOf = None, rule: FromQuery[RuleName | None] = None
    ) -> AlertsShape:
        """Returns what somebody should look at in a store, of one rule or of all; some seconds old at most."""
        found = await alerts.open_in(await asked_store(db, request, store_id))
        shown = [alert for alert in found.alerts if rule is None or alert.rule == rule]
        cut = [name for name in found.cut if rule is None or name == rule]
        return AlertsShape(found.store_id, found.at, shown, len(shown), cut)

    return [listed]
