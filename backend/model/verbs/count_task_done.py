"""Count task done: somebody has counted the shelf on which something was not found. The count itself is another act."""

from datetime import datetime
from uuid import UUID

from msgspec import structs

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Reason
from backend.model.documents import stepped
from backend.model.pickups import COUNT_TASK, CountTaskBody, CountTaskStatus
from backend.model.refusals import Refused, in_status, unknown_document
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Who

from .verb import Documents, Rows, Verb


class CountTaskDone(Command, frozen=True, tag="count_task_done"):
    """A count task needs nobody any more; `reason` says what was found."""

    count_task_id: UUID
    reason: Reason


def _rows(command: CountTaskDone, documents: Documents, rows: Rows) -> None:
    pass  # no stock moves


def _decide(books: Books, command: CountTaskDone, who: Who, now: datetime) -> Effect:
    task = books.documents.get(command.count_task_id)
    if task is None or task.kind != COUNT_TASK.name or task.store_id != command.store_id:
        raise Refused(unknown_document(COUNT_TASK.name, command.count_task_id))
    in_status(task, CountTaskStatus.OPEN)
    body = task.read(CountTaskBody)
    body = structs.replace(body, steps=(*body.steps, step_of(VERB.name, who, now, command.reason)))
    done = stepped(task, now, status=CountTaskStatus.DONE, body=body)
    return Effect(Answer(command.id, at=now, documents=(done,)))


VERB = Verb(
    command=CountTaskDone,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.count_task_id,),
    scope=Scope.STOCK_WRITE,
)
