"""Count a product: the units that somebody sees, and the state of the stock they are compared with. Nothing moves."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, structs

from backend.model.answers import Answer, Code, Refusal
from backend.model.books import Books, Effect
from backend.model.commands import MAX_QUANTITY, Command, Count, ProductId
from backend.model.counts import (
    AT_WORK,
    COUNT_LINE,
    NOT_YET,
    CountBody,
    CountStatus,
    How,
    LineBody,
    LineStatus,
    Seen,
    Tally,
    find_count,
    line_id,
    line_of,
    moved_since,
    moves_of,
    seen_at,
)
from backend.model.counts import (
    Scope as What,
)
from backend.model.documents import Document, opened, stepped
from backend.model.refusals import Refused, bad_quantity, in_status, unknown
from backend.model.scopes import Scope
from backend.model.stock import Key, Who

from .verb import Documents, Rows, Verb


class CountScan(Command, frozen=True, tag="count_scan"):
    """Somebody has counted so many units of a product.

    A counter without network says which version of the stock row they saw (`as_of`), and when (`counted_at`).
    """

    count_id: UUID
    product_id: ProductId
    units: Count
    how: How = How.ADD
    as_of: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    counted_at: Annotated[datetime, Meta(tz=True)] | None = None


def _documents(command: CountScan) -> tuple[UUID, ...]:
    return command.count_id, line_id(command.count_id, command.product_id)


def _rows(command: CountScan, documents: Documents, rows: Rows) -> None:
    key = (command.store_id, command.product_id)
    line = line_of(documents.get(line_id(command.count_id, command.product_id)))
    rows.add_moves(key, line.version if line else NOT_YET)
    if command.as_of is not None:
        rows.add_moves(key, command.as_of)


def _decide(books: Books, command: CountScan, who: Who, now: datetime) -> Effect:
    count, body = find_count(books, command.store_id, command.count_id)
    in_status(count, *AT_WORK)
    if not 0 <= command.units <= MAX_QUANTITY:
        raise Refused(bad_quantity("units", f"must be from 0 to {MAX_QUANTITY}"))
    key = (command.store_id, command.product_id)
    if key not in books.stock:
        raise Refused(unknown(books, *key))
    # Categories were looked up by whoever opened it; what is beyond the list is counted all the same.
    if body.scope is What.TASK and command.product_id not in body.products:
        message = f"This task is to count {body.products[0]}, not {command.product_id}; open another count for it."
        raise Refused(Refusal(Code.UNKNOWN_PRODUCT, message, field="product_id"))
    seen = _seen(books, key, command, now)
    document = books.documents.get(line_id(command.count_id, command.product_id))
    before = line_of(document)
    line = _counted(before, command, who, seen, moved=before is not None and moved_since(before, moves_of(books, key)))
    status, was = LineStatus.COUNTED, document.status if document else None
    if document is None:
        after = opened(
            line_id(count.id, line.product_id), count.store_id, COUNT_LINE.name, status, line, who, now,
            reference=str(count.id),
        )  # fmt: skip
    else:
        after = stepped(document, now, status=status, body=line)
    return Effect(Answer(command.id, at=now, documents=(_told(count, body, was, now), after)))


def _seen(books: Books, key: Key, command: CountScan, now: datetime) -> Seen:
    """Returns the state of the stock that was counted: the present one, unless the counter names another one."""
    row = books.stock[key]
    counted_at = now if command.counted_at is None else min(command.counted_at, now)
    if command.as_of is None or command.as_of == row.version:
        return Seen(row.version, row.on_hand, counted_at)
    if command.as_of > row.version:
        message = f"as_of is {command.as_of}, but {row.product_id} is at version {row.version}; send what you saw."
        raise Refused(Refusal(Code.INVALID_QUANTITY, message, field="as_of"))
    said = None if command.counted_at is None else counted_at
    return seen_at(row, moves_of(books, key), command.as_of, said)


def _counted(before: LineBody | None, command: CountScan, who: Who, seen: Seen, *, moved: bool) -> LineBody:
    """Returns the line after a scan. Its state is that of its first scan, and again of whatever replaces all scans."""
    tally = Tally(who.actor, command.units, seen.at)
    others = [x for x in before.tallies if x.counter != who.actor] if before else []
    if before is None or command.how is How.RECOUNT or (command.how is How.CORRECT and not others):
        recounted = before is not None and (before.recounted or command.how is How.RECOUNT)
        return LineBody(
            command.count_id, command.product_id, (tally,), seen.version, seen.on_hand, seen.at, recounted=recounted
        )
    if command.how is How.ADD:
        own = sum(x.units for x in before.tallies if x.counter == who.actor)
        tally = structs.replace(tally, units=own + command.units)
    return structs.replace(before, tallies=(*others, tally), moved=before.moved or moved, why=None)


def _told(count: Document, body: CountBody, was: str | None, now: datetime) -> Document:
    """Returns the count after a scan of a line that was in the status `was`, None for a new one."""
    body = structs.replace(
        body,
        lines=body.lines + (was is None),
        posted=body.posted - (was == LineStatus.POSTED),
        recounts=body.recounts - (was == LineStatus.RECOUNT),
    )
    return stepped(count, now, status=CountStatus.RECOUNT if body.recounts else CountStatus.COUNTING, body=body)


VERB = Verb(command=CountScan, decide=_decide, rows=_rows, documents=_documents, scope=Scope.COUNTS_WRITE)
