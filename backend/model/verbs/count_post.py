"""Post a count: each line's difference corrects the stock by some units, whatever has been sold since the scan."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, NamedTuple
from uuid import UUID

from msgspec import Meta, structs

from backend.model.answers import Answer, Code, Refusal
from backend.model.books import Books, Effect
from backend.model.commands import MAX_LINES, Command, ProductId, Text
from backend.model.counts import (
    APPROVAL_UNITS,
    AT_WORK,
    NOT_YET,
    CountBody,
    CountStatus,
    Difference,
    LineBody,
    LineStatus,
    Why,
    difference,
    find_count,
    line_id,
    line_of,
    moves_of,
)
from backend.model.documents import Document, stepped
from backend.model.posting import Cause, post
from backend.model.refusals import Refused, in_status
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Change, Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class CountPost(Command, frozen=True, tag="count_post"):
    """Correct the stock of these products of a count by what they differ by; products of 500 lines at a time.

    No client sends it as it is: who approves has shown their PIN or their token before it is made.
    """

    count_id: UUID
    products: Annotated[tuple[ProductId, ...], Meta(max_length=MAX_LINES)] = ()
    finish: bool = False
    """Whether nothing more is to be counted: the count ends, unless a line waits to be counted again."""
    approved_by: Text = ""
    reason: Text = ""


def _documents(command: CountPost) -> tuple[UUID, ...]:
    return command.count_id, *[line_id(command.count_id, product_id) for product_id in dict.fromkeys(command.products)]


def _rows(command: CountPost, documents: Documents, rows: Rows) -> None:
    for product_id in command.products:
        line = line_of(documents.get(line_id(command.count_id, product_id)))
        rows.add_moves((command.store_id, product_id), line.version if line else NOT_YET)


class _Line(NamedTuple):
    document: Document
    body: LineBody
    found: Difference
    why: Why | None
    """Why it is not posted."""


def _decide(books: Books, command: CountPost, who: Who, now: datetime) -> Effect:
    count, body = find_count(books, command.store_id, command.count_id)
    in_status(count, *AT_WORK, CountStatus.POSTED)
    lines = [_line(books, command, body, product_id) for product_id in dict.fromkeys(command.products)]
    changes = {x.body.product_id: Change(on_hand=x.found.left) for x in lines if x.why is None and x.found.left}
    corrected = body.corrected + sum(abs(change.on_hand) for change in changes.values())
    if changes and corrected > APPROVAL_UNITS and not command.approved_by:
        raise Refused(_needs_approval(corrected))
    reason = command.reason or body.scope.value
    posted = post(books, command.store_id, changes, Cause(POSTED.name, command.id, who, now, str(count.id), reason))
    after = [_after(line, command.approved_by, now) for line in lines]
    return Effect(
        Answer(
            command.id,
            stock=posted.rows,
            at=now,
            documents=(_told(count, body, command, who, now, lines, corrected), *after),
        ),
        posted.movements,
    )


def _line(books: Books, command: CountPost, count: CountBody, product_id: str) -> _Line:
    document = books.documents.get(line_id(command.count_id, product_id))
    body = line_of(document)
    if document is None or body is None:
        message = f"{product_id} has not been counted yet; count it, or leave it out."
        raise Refused(Refusal(Code.NOT_COUNTED, message, field="products"))
    key = (command.store_id, product_id)
    found = difference(body, moves_of(books, key))
    why = None
    if body.moved:
        why = Why.MOVED
    elif document.status != LineStatus.POSTED and not body.recounted:
        why = None if count.tolerance.allows(found.variance, found.expected) else Why.TOLERANCE
    if why is None and found.left < 0 and books.stock[key].available + found.left < 0:
        why = Why.HELD
    return _Line(document, body, found, why)


def _after(line: _Line, approved_by: str, now: datetime) -> Document:
    if line.why is not None:
        body = structs.replace(line.body, why=line.why)
        return stepped(line.document, now, status=LineStatus.RECOUNT, body=body)
    body = structs.replace(
        line.body,
        why=None,
        variance=line.found.variance,
        posted=line.body.posted + line.found.left,
        approved_by=approved_by,
    )
    return stepped(line.document, now, status=LineStatus.POSTED, body=body)


def _told(
    count: Document,
    body: CountBody,
    command: CountPost,
    who: Who,
    now: datetime,
    lines: list[_Line],
    corrected: int,
) -> Document:
    """Returns the count after some of its lines were posted."""
    were = [line.document.status for line in lines]
    again = sum(line.why is not None for line in lines)
    done = body.posted - were.count(LineStatus.POSTED) + len(lines) - again
    waiting = body.recounts - were.count(LineStatus.RECOUNT) + again
    body = structs.replace(
        body,
        posted=done,
        recounts=waiting,
        corrected=corrected,
        steps=(*body.steps, step_of(VERB.name, who, now, command.reason)),
    )
    status = CountStatus(count.status)
    if waiting:
        status = CountStatus.RECOUNT
    elif command.finish and done == body.lines:
        status = CountStatus.POSTED
    elif status is CountStatus.RECOUNT:
        status = CountStatus.COUNTING
    return stepped(count, now, status=status, body=body)


def _needs_approval(units: int) -> Refusal:
    message = (
        f"This count corrects {units} units; more than {APPROVAL_UNITS} are approved by somebody with the right "
        "counts:approve. Send their name and PIN as approval, or ask for it with POST /approvals."
    )
    return Refusal(Code.APPROVAL_NEEDED, message, field="approval")


def _measure(command: CountPost, books: Books) -> Mapping[str, int]:
    units = dict.fromkeys(command.products, 0)
    for product_id in units:
        if body := line_of(books.documents.get(line_id(command.count_id, product_id))):
            units[product_id] = difference(body, moves_of(books, (command.store_id, product_id))).left
    return units


def _approved(command: CountPost, approver: str, reason: str) -> CountPost:
    return structs.replace(command, approved_by=approver, reason=command.reason or reason)


POSTED = MovementKind("count", {"on_hand": Sign.EITHER}, event="count")
VERB = Verb(
    command=CountPost,
    decide=_decide,
    rows=_rows,
    documents=_documents,
    movements=(POSTED,),
    measure=_measure,
    approver=Scope.COUNTS_APPROVE,
    approved=_approved,
)
