"""Alerts over HTTP: what somebody should look at in a store, and what somebody has said of it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, JSONBody
from msgspec import Meta, Struct

from backend.database.engine import Database
from backend.database.reads import reading
from backend.documents.asking import StoreOf, asked_store
from backend.http.commanding import command_id, settle
from backend.http.declaring import COMMAND
from backend.http.request import ApiRequest
from backend.ledger.lanes import Ledger
from backend.model.alert_marks import MarkBody, MarkStatus
from backend.model.commands import StoreId, Text
from backend.model.documents import Document
from backend.model.scopes import Scope
from backend.model.text import LINE
from backend.model.verbs.alert_mark import MOST_HOURS, AlertMark, Subject

from .findings import Mark, OpenAlert
from .marks import mark_of, marked, since_of
from .service import RULES, Alerts

RuleName = StrEnum("RuleName", {name.upper(): name for name in RULES})  # type: ignore[misc]  # made of the registry


class AlertsShape(Struct, frozen=True):
    """The open alerts of a store; `cut` names the rules of which there are more than these."""

    store_id: str
    at: datetime
    alerts: list[OpenAlert]
    count: int
    cut: list[str]


class MarkAlertBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is said of an open alert; `hours` for how long it is put off, `owner` who it is given to."""

    store_id: StoreId
    rule: RuleName
    subject: Subject
    status: MarkStatus
    hours: Annotated[int, Meta(ge=1, le=MOST_HOURS)] | None = None
    owner: Annotated[str, Meta(max_length=64, pattern=LINE)] = ""
    note: Text = ""
    id: UUID | None = None


class MarkShape(Struct, frozen=True):
    """What was said of an alert."""

    store_id: str
    rule: str
    subject: str
    mark: Mark
    version: int

    @classmethod
    def of(cls, document: Document) -> "MarkShape":
        """Returns a mark's document as the wire shows it."""
        body = document.read(MarkBody)
        return cls(document.store_id, body.rule, body.subject, mark_of(document), document.version)


def alert_routes(db: Database, ledger: Ledger, alerts: Alerts) -> list[HTTPRouteHandler]:
    """/alerts"""

    @get("/alerts", scope=Scope.AUDIT_READ, problems=("store_not_allowed", "unknown_store"))
    async def listed(
        request: ApiRequest, store_id: StoreOf = None, rule: FromQuery[RuleName | None] = None
    ) -> AlertsShape:
        """Returns what somebody should look at in a store, of one rule or of all; some seconds old at most."""
        found = await alerts.open_in(await asked_store(db, request, store_id))
        of_rule = [alert for alert in found.alerts if rule is None or alert.rule == rule]
        async with reading(db) as connection:
            shown = await marked(connection, found.store_id, of_rule)
        cut = [name for name in found.cut if rule is None or name == rule]
        return AlertsShape(found.store_id, found.at, shown, len(shown), cut)

    @post(
        "/alerts/marks",
        scope=Scope.ALERTS_WRITE,
        problems=(*COMMAND, "unknown_document"),
        example={
            "store_id": "292",
            "rule": "hold_hoarding",
            "subject": "818981",
            "status": "assigned",
            "owner": "luis",
        },
    )
    async def mark(request: ApiRequest, data: JSONBody[MarkAlertBody]) -> MarkShape:
        """Say of an open alert that it was seen, is put off, is given to somebody, or is open as before."""
        id_ = command_id(request, data.id)
        request.auth.require_store(data.store_id)
        command = AlertMark(
            id=id_,
            store_id=data.store_id,
            rule=data.rule,
            subject=data.subject,
            since=since_of((await alerts.look(data.store_id)).alerts, data.rule, data.subject),
            status=data.status,
            hours=data.hours,
            owner=data.owner,
            note=data.note,
        )
        return MarkShape.of((await settle(ledger, command, request.auth)).documents[0])

    return [listed, mark]
