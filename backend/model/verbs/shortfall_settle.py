"""Settle a shortfall case, or some of its units: they are taken, found, refunded, dismissed, or wait for goods."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from backend.ids import returned_id
from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import MAX_LINES, Command, Line, Reason, Text
from backend.model.posting import Cause, Posted, post
from backend.model.refusals import in_status
from backend.model.returns import find_sale, returned_of
from backend.model.scopes import Scope
from backend.model.shortfalls import FOUND, LIVE, SHORTFALL, TAKEN, Outcome, back_of, find_case, settled, waiting
from backend.model.shortfalls import ShortfallBody as Body
from backend.model.steps import step_of
from backend.model.stock import Change, Who
from backend.model.tenders import TenderKind
from backend.model.transfers import chosen

from .return_sale import VERB as RETURN_SALE
from .return_sale import ReturnSale
from .verb import Documents, MovementKind, Rows, Sign, Verb


class ShortfallSettle(Command, frozen=True, tag="shortfall_settle"):
    """Say what becomes of units that were short: of all that are open, or of `lines`. A backorder is of all."""

    shortfall_id: UUID
    outcome: Outcome
    reason: Reason
    lines: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=MAX_LINES)] | None = None
    owner: Text = ""
    """Who answers for a backorder; without it, who sends this."""
    transfer_id: UUID | None = None
    """The transfer that a backorder waits for."""
    refund_by: TenderKind | None = None
    """How all that was paid for the units is given back in a refund; without it nothing is."""


def _rows(command: ShortfallSettle, documents: Documents, rows: Rows) -> None:
    document = documents.get(command.shortfall_id)
    if document is not None and document.kind == SHORTFALL.name:
        rows.stock.update((document.store_id, line.product_id) for line in document.read(Body).lines)


def _decide(books: Books, command: ShortfallSettle, who: Who, now: datetime) -> Effect:
    case, body = find_case(books, command.store_id, command.shortfall_id)
    in_status(case, *LIVE)
    step = step_of(command.outcome, who, now, command.reason)
    if command.outcome is Outcome.BACKORDER:
        after = waiting(case, body, command.owner or who.actor, command.transfer_id, step)
        return Effect(Answer(command.id, at=now, documents=(after,)))
    units = chosen(command.lines, body.open, "short in this case")
    if command.outcome is Outcome.REFUND:
        return _refunded(books, command, units, who, now)
    cause = Cause(TAKEN, command.id, who, now, str(case.id), command.reason)
    posted, field = Posted((), ()), "dismissed"
    if command.outcome is Outcome.TAKE:
        changes = {product_id: Change(on_hand=-n) for product_id, n in units.items()}
        posted, field = post(books, command.store_id, changes, cause, units), "taken"
    elif command.outcome is Outcome.ADJUST:
        posted, field = _found(books, command.store_id, units, cause), "found"
    answer = Answer(command.id, stock=posted.rows, at=now, documents=(settled(case, body, field, units, step),))
    return Effect(answer, posted.movements, left_at=body.left_at)


def _refunded(books: Books, command: ShortfallSettle, units: dict[str, int], who: Who, now: datetime) -> Effect:
    """Returns the return of these units by the receipt."""
    _, body = returned_of(books, find_sale(books, command.store_id, command.shortfall_id))
    returning = ReturnSale(
        id=command.id,
        store_id=command.store_id,
        sale_id=command.shortfall_id,
        lines=back_of(body.lines, units),
        refund_by=command.refund_by,
        reason=command.reason,
    )
    return RETURN_SALE.decide(books, returning, who, now)


def _found(books: Books, store_id: str, units: dict[str, int], cause: Cause) -> Posted:
    """Returns two movements for each product: the units were there, and have been sold."""
    came = post(books, store_id, {p: Change(on_hand=n) for p, n in units.items()}, cause._replace(kind=FOUND))
    known = Books({(row.store_id, row.product_id): row for row in came.rows}, books.stores, {})
    left = post(known, store_id, {p: Change(on_hand=-n) for p, n in units.items()}, cause, units)
    return Posted(left.rows, (*came.movements, *left.movements))


VERB = Verb(
    command=ShortfallSettle,
    decide=_decide,
    rows=_rows,
    documents=lambda command: (command.shortfall_id, returned_id(command.shortfall_id)),
    sales=lambda command: (command.shortfall_id,) if command.outcome is Outcome.REFUND else (),
    movements=(
        MovementKind(TAKEN, {"on_hand": Sign.LESS}, event="movement"),
        MovementKind(FOUND, {"on_hand": Sign.MORE}, event="count"),
    ),
    scope=Scope.SALES_SETTLE,
)
