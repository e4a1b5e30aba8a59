"""Settle a refused sale: somebody has said what was done about goods that left without a sale. No stock moves."""

from datetime import datetime
from uuid import UUID

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Text
from backend.model.refused_sales import REFUSED_SALE, settled
from backend.model.steps import step_of
from backend.model.stock import Who

from .verb import Documents, Rows, Verb


class RefusalSettle(Command, frozen=True, tag="refusal_settle"):
    """A refused sale was settled. The server makes the command once the settlement is recorded, see `conflicts`."""

    sale_id: UUID
    reason: Text


def _rows(command: RefusalSettle, documents: Documents, rows: Rows) -> None:
    pass  # no stock moves


def _decide(books: Books, command: RefusalSettle, who: Who, now: datetime) -> Effect:
    step = step_of(VERB.name, who, now, command.reason)
    after = settled(books, command.store_id, command.sale_id, step)
    return Effect(Answer(command.id, at=now, documents=(after,)))


VERB = Verb(
    command=RefusalSettle,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.sale_id,),
    opens=(REFUSED_SALE,),
)
