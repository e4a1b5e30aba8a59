"""Sell: goods leave the store for good, out of holds or out of what is available."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType, structs

from backend.model.answers import Answer, SaleRecord
from backend.model.books import Books, Effect, Sale
from backend.model.commands import MAX_LINES, Command, Reason, ReceiptNumber, SaleLines
from backend.model.holds import closed, find, freed
from backend.model.money import check_pricing, check_tenders, total_of
from backend.model.posting import Cause, post, summed
from backend.model.refusals import Refused, ended
from backend.model.reservations import Status
from backend.model.scopes import Scope
from backend.model.stock import Change, Who
from backend.model.tenders import Tenders

from .verb import Documents, MovementKind, Rows, Sign, Verb


class Sell(Command, frozen=True, tag="sell"):
    """Goods leave the store for good. The holds named are ended and their units serve this sale first.

    `price_reason` says why a line has another price than the catalogue's.
    """

    lines: SaleLines
    holds: Annotated[tuple[UUID, ...], Meta(max_length=MAX_LINES)] = ()
    receipt_number: ReceiptNumber = ""
    price_reason: Reason | UnsetType = UNSET
    """Left out of the JSON when unset: a fingerprint, and a server of an older release, know the command without it."""
    tenders: Tenders | UnsetType = UNSET
    """What it was paid with; together they are the total."""
    made_at: Annotated[datetime, Meta(tz=True)] | UnsetType = UNSET
    """When it was made at its terminal, if that was before it was sent; what lies ahead of the server's clock is now.

    A count made in between has not seen its units on the shelf, see `model/counts.py`.
    """


def _rows(command: Sell, _: Documents, rows: Rows) -> None:
    rows.add_lines(command.store_id, command.lines)
    rows.reservations.extend((command.store_id, hold) for hold in command.holds)


def _decide(books: Books, command: Sell, who: Who, now: datetime) -> Effect:
    wanted = summed(command.lines)
    changes = {p: Change(on_hand=-n) for p, n in wanted.items()}
    left = dict(wanted)  # no unit is handed over from two holds
    over = []
    for hold_id in dict.fromkeys(command.holds):
        hold = find(books, command.store_id, hold_id)
        if hold.status is Status.CONFIRMED:
            raise Refused(ended(hold))
        if hold.status is not Status.PENDING:
            continue  # it ended before the sale; the goods are sold from what is available
        freed(changes, hold)
        if hold.is_live(now):
            taken = {line.product_id: min(line.quantity, left.get(line.product_id, 0)) for line in hold.lines}
            left = {p: n - taken.get(p, 0) for p, n in left.items()}
            over.append(closed(hold, Status.CONFIRMED, now, taken))
        else:
            over.append(closed(hold, Status.EXPIRED, now))
    total, tenders = total_of(command.lines), command.tenders or ()
    check_pricing(command.lines, command.price_reason or "")
    if command.tenders is not UNSET:
        check_tenders(command.tenders, total)
    record = SaleRecord(command.id, command.store_id, command.receipt_number, total, now)
    document_id, reason = command.receipt_number or str(command.id), command.price_reason or ""
    cause = Cause("sell", command.id, who, now, document_id, reason)
    posted = post(books, command.store_id, changes, cause, wanted)
    answer = Answer(command.id, stock=posted.rows, sale=record)
    made_at = min(command.made_at, now) if command.made_at is not UNSET else None
    sale = Sale(record, command.lines, who.actor, who.terminal_id, tenders, made_at)
    return Effect(answer, posted.movements, tuple(over), sale)


def _measure(command: Sell, _: Books) -> Mapping[str, int]:
    return {p: -n for p, n in summed(command.lines).items()}


def _approved(command: Sell, _: str, reason: str) -> Sell:
    """Returns the sale, with a reason for its prices: only a sale at other ones than the catalogue's has to wait."""
    return structs.replace(command, price_reason=command.price_reason or reason)


VERB = Verb(
    command=Sell,
    decide=_decide,
    rows=_rows,
    movements=(MovementKind("sell", {"on_hand": Sign.LESS, "reserved": Sign.LESS}),),
    scope=Scope.SALES_WRITE,
    measure=_measure,
    approver=Scope.PRICES_OVERRIDE,
    approved=_approved,
)
