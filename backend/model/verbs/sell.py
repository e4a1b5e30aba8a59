"""Sell: goods leave the store for good, out of holds or out of what is available."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType, structs

from backend.model.allotments import Draw, Draws
from backend.model.answers import Answer, Code, Refusal, SaleRecord
from backend.model.books import Books, Effect, Sale
from backend.model.commands import MAX_LINES, Command, Reason, ReceiptNumber, SaleLines
from backend.model.documents import Document
from backend.model.drawing import Drawing
from backend.model.holds import closed, find, freed
from backend.model.money import check_pricing, check_tenders, total_of
from backend.model.posting import Cause, post, summed
from backend.model.refusals import Refused, ended
from backend.model.refused_sales import refused_sale
from backend.model.reservations import Reservation, Status
from backend.model.scopes import Scope
from backend.model.shortfalls import SHORTFALL, Offline, by_line, fit, open_case
from backend.model.stock import Change, Who
from backend.model.tenders import Tenders

from .verb import Documents, MovementKind, Rows, Sign, Verb

ON_TIME = timedelta(seconds=5)
"""A terminal says with every sale when it was made, before it knows when that will arrive; so long is on time."""


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
    draws: Draws | UnsetType = UNSET
    """Units that come out of its terminal's allotments, which go on with the rest; see `model/drawing.py`."""
    offline: Offline | UnsetType = UNSET
    """That a terminal made it without a server: the goods have left, so what is short is no reason to refuse it, see
    `model/shortfalls.py`."""


def _rows(command: Sell, _: Documents, rows: Rows) -> None:
    rows.add_lines(command.store_id, command.lines)
    rows.reservations.extend((command.store_id, hold) for hold in command.holds)
    if command.draws:
        rows.reservations.extend((command.store_id, draw.allotment_id) for draw in command.draws)


def _decide(books: Books, command: Sell, who: Who, now: datetime) -> Effect:
    wanted = summed(command.lines)
    changes = {p: Change(on_hand=-n) for p, n in wanted.items()}
    left = dict(wanted)  # no unit is handed over from two holds
    over = []
    for hold in _pending(books, command):
        freed(changes, hold)
        if hold.is_live(now):
            taken = {line.product_id: min(line.quantity, left.get(line.product_id, 0)) for line in hold.lines}
            left = {p: n - taken.get(p, 0) for p, n in left.items()}
            over.append(closed(hold, Status.CONFIRMED, now, taken))
        else:
            over.append(closed(hold, Status.EXPIRED, now))
    draws: tuple[Draw, ...] = ()
    if command.draws:
        drawing = Drawing(books, command.store_id, who, now)
        draws = drawing.take(command.draws, left, changes)
        over.extend(drawing.allotments.values())
    total, tenders = total_of(command.lines), command.tenders or ()
    check_pricing(command.lines, command.price_reason or "")
    if command.tenders is not UNSET:
        check_tenders(command.tenders, total)
    record = SaleRecord(command.id, command.store_id, command.receipt_number, total, now)
    document_id, reason = command.receipt_number or str(command.id), command.price_reason or ""
    cause = Cause("sell", command.id, who, now, document_id, reason)
    is_late = command.made_at is not UNSET and now - command.made_at > ON_TIME
    made_at = command.made_at if is_late and command.made_at is not UNSET else None
    cases: tuple[Document, ...] = ()
    if short := _short(books, command, who, changes):
        assert command.offline is not UNSET
        cases = (open_case(cause, command.store_id, wanted, short, command.offline, made_at or now),)
    posted = post(books, command.store_id, changes, cause, wanted)
    answer = Answer(command.id, stock=posted.rows, sale=record, documents=cases, draws=draws)
    sale = Sale(record, command.lines, who.actor, who.terminal_id, tenders, made_at)
    if short:
        sale = structs.replace(sale, short=by_line(command.lines, short))
    return Effect(answer, posted.movements, tuple(over), sale, short=[(command.store_id, p) for p in short])


def _pending(books: Books, command: Sell) -> Iterator[Reservation]:
    """Yields the holds that end with the sale. Raises Refused for one that is unknown or was confirmed.

    One that ended otherwise is left out: the goods are sold from what is available. So are all that are not pending
    of a sale that is a fact.
    """
    is_fact = command.offline is not UNSET
    for hold_id in dict.fromkeys(command.holds):
        known = books.reservations.get(hold_id)
        if is_fact and (known is None or known.store_id != command.store_id or known.is_allotment):
            continue
        hold = find(books, command.store_id, hold_id)
        if hold.status is Status.CONFIRMED and not is_fact:
            raise Refused(ended(hold))
        if hold.status is Status.PENDING:
            yield hold


def _short(books: Books, command: Sell, who: Who, changes: dict[str, Change]) -> dict[str, int]:
    """Returns the units per product that a sale made without a server is short of, which `changes` then leave out.

    Raises Refused for one that no terminal sends.
    """
    if command.offline is UNSET:
        return {}
    if not who.terminal_id:
        message = "Only a terminal sends sales that were made without a server; leave offline out."
        raise Refused(Refusal(Code.TERMINAL_NEEDED, message, field="offline"))
    return fit(books, command.store_id, changes)


def _refused(command: Sell, who: Who, now: datetime, refusal: Refusal) -> Iterator[Document]:
    """Yields a document about a sale that was made without a server: its goods have left all the same."""
    if command.offline is UNSET or not who.terminal_id:
        return
    cause = Cause("sell", command.id, who, now, command.receipt_number)
    left_at = min(command.made_at, now) if command.made_at is not UNSET else now
    yield refused_sale(cause, command.store_id, command.lines, command.offline, left_at, refusal)


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
    customer_waits=True,
    refused=_refused,
    opens=(SHORTFALL,),
    measure=_measure,
    approver=Scope.PRICES_OVERRIDE,
    approved=_approved,
)
