"""Cancel a count: what was not posted yet is forgotten; what was posted stays."""

from datetime import datetime
from uuid import UUID

from msgspec import structs

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Text
from backend.model.counts import AT_WORK, CountStatus, find_count
from backend.model.documents import stepped
from backend.model.refusals import in_status
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Who

from .verb import Documents, Rows, Verb


class CountCancel(Command, frozen=True, tag="count_cancel"):
    """Nobody counts any more."""

    count_id: UUID
    reason: Text = ""


def _rows(_: CountCancel, __: Documents, ___: Rows) -> None:
    """It reads no stock."""


def _decide(books: Books, command: CountCancel, who: Who, now: datetime) -> Effect:
    count, body = find_count(books, command.store_id, command.count_id)
    in_status(count, *AT_WORK)
    body = structs.replace(body, steps=(*body.steps, step_of(VERB.name, who, now, command.reason)))
    after = stepped(count, now, status=CountStatus.CANCELLED, body=body)
    return Effect(Answer(command.id, at=now, documents=(after,)))


VERB = Verb(
    command=CountCancel,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.count_id,),
    scope=Scope.COUNTS_WRITE,
)
