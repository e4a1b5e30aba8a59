"""Mark an alert: it is acknowledged, put off, given to somebody, or open again."""

from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta, structs

from backend.ids import alert_mark_id
from backend.model.alert_marks import ALERT_MARK, MarkBody, MarkStatus
from backend.model.answers import Answer, Code, Refusal
from backend.model.books import Books, Effect
from backend.model.commands import Command, Text
from backend.model.documents import opened, stepped
from backend.model.refusals import Refused, unknown
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Who
from backend.model.text import LINE

from .verb import Documents, Rows, Verb

Rule = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[a-z_]+$(?!\n)")]
Subject = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE)]
MOST_HOURS = 30 * 24


class AlertMark(Command, frozen=True, tag="alert_mark"):
    """Say what becomes of the alert of a rule about a subject that has been open since `since`.

    `hours` is how long a snoozed one is put off, `owner` who an assigned one is given to.
    """

    rule: Rule
    subject: Subject
    since: Annotated[datetime, Meta(tz=True)]
    status: MarkStatus
    hours: Annotated[int, Meta(ge=1, le=MOST_HOURS)] | None = None
    owner: Annotated[str, Meta(max_length=64, pattern=LINE)] = ""
    note: Text = ""


def _rows(command: AlertMark, _: Documents, rows: Rows) -> None:
    """Adds a product that cannot be: nothing moves, and the store is looked up with the rows."""
    rows.stock.add((command.store_id, ""))


def _decide(books: Books, command: AlertMark, who: Who, now: datetime) -> Effect:
    if command.store_id not in books.stores:
        raise Refused(unknown(books, command.store_id, ""))
    _check(command)
    id_ = alert_mark_id(command.store_id, command.rule, command.subject)
    step = step_of(command.status, who, now, command.note)
    until = None if command.hours is None else now + timedelta(hours=command.hours)
    document = books.documents.get(id_)
    if document is None:
        body = MarkBody(command.rule, command.subject, command.since, (step,), command.owner, until)
        marked = opened(
            id_, command.store_id, ALERT_MARK.name, command.status, body, who, now, reference=command.subject
        )
    else:
        body = document.read(MarkBody)
        # One alert's history: the steps of one that is over are not those of the next.
        steps = (*body.steps, step) if body.covers(command.since) else (step,)
        body = structs.replace(body, since=command.since, steps=steps, owner=command.owner, until=until)
        marked = stepped(document, now, status=command.status, body=body)
    return Effect(Answer(command.id, at=now, documents=(marked,)))


def _check(command: AlertMark) -> None:
    """Raises Refused for what does not belong to the status, or is missing for it."""
    if (command.status is MarkStatus.SNOOZED) != (command.hours is not None):
        message = "hours says how long a snoozed alert is put off; send it with snoozed, and only then."
        raise Refused(Refusal(Code.INVALID_QUANTITY, message, field="hours"))
    if (command.status is MarkStatus.ASSIGNED) != bool(command.owner):
        message = "owner is who an assigned alert is given to; send it with assigned, and only then."
        raise Refused(Refusal(Code.INVALID_QUANTITY, message, field="owner"))


VERB = Verb(
    command=AlertMark,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (alert_mark_id(command.store_id, command.rule, command.subject),),
    scope=Scope.ALERTS_WRITE,
    opens=(ALERT_MARK,),
)
