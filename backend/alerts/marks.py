"""Alerts with what somebody has said of them, and saying it."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.documents.queries import documents_by_ids
from backend.ids import alert_mark_id
from backend.model.alert_marks import ALERT_MARK, MarkBody, MarkStatus
from backend.model.documents import Document
from backend.model.errors import MostradorError

from .findings import Mark, OpenAlert


class UnknownAlert(MostradorError):
    """Nothing of this rule about this subject is open in the store."""

    code = "unknown_document"

    def __init__(self, rule: str, subject: str) -> None:
        super().__init__(f"No alert {rule} about {subject} is open; it may be over by now.", field="subject")


def mark_of(document: Document) -> Mark:
    """Returns a mark as an alert shows it."""
    body, status = document.read(MarkBody), MarkStatus(document.status)
    last = body.steps[-1]
    return Mark(status, last.actor, last.at, body.owner, body.until, last.reason)


async def marked(connection: AsyncConnection, store_id: str, alerts: Iterable[OpenAlert]) -> list[OpenAlert]:
    """Returns the alerts of a store with their marks; one that has begun anew since it was marked has none."""
    by_id = [(alert_mark_id(store_id, alert.rule, alert.subject), alert) for alert in alerts]
    documents = await documents_by_ids(connection, ALERT_MARK.name, {id_ for id_, _ in by_id}) if by_id else {}
    return [_with_mark(alert, documents.get(id_)) for id_, alert in by_id]


def _with_mark(alert: OpenAlert, document: Document | None) -> OpenAlert:
    if document is None or document.status == MarkStatus.REOPENED:
        return alert
    covered = document.read(MarkBody).covers(alert.since)
    return structs.replace(alert, mark=mark_of(document)) if covered else alert


def since_of(alerts: Iterable[OpenAlert], rule: str, subject: str) -> datetime:
    """Returns since when the latest of these alerts is open. Raises UnknownAlert."""
    found = [alert.since for alert in alerts if (alert.rule, alert.subject) == (rule, subject)]
    if not found:
        raise UnknownAlert(rule, subject)
    return max(found)
