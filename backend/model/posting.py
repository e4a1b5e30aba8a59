"""Posting: a command's changes of a store's rows become the new rows and their movements, or a refusal.

Demand of one command is summed per product before it is compared, so two lines of the same product cannot pass the
check separately. A command is all or nothing; a refusal lists every short line.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from .answers import Code, Refusal, ShortLine
from .books import Books
from .commands import MAX_QUANTITY, Line, SaleLine
from .refusals import Refused, bad_quantity, short, unknown
from .stock import Change, Movement, StockRow, Who


class Cause(NamedTuple):
    """What a movement tells of its cause: its kind, the command behind it, who sent that, when it was decided, and why.

    `document_id` names the hold, receipt, delivery note, document or other store that it belongs to.
    """

    kind: str
    command_id: UUID
    who: Who
    at: datetime
    document_id: str = ""
    reason: str = ""


class Posted(NamedTuple):
    """The rows as they are afterwards, and a movement for each."""

    rows: tuple[StockRow, ...]
    movements: tuple[Movement, ...]


def post(
    books: Books, store_id: str, changes: Mapping[str, Change], cause: Cause, demand: Mapping[str, int] | None = None
) -> Posted:
    """Returns the rows of the store and their movements after `changes` by product.

    `demand` is what the sender asked of each product; its absence means that nothing can fall short. Raises Refused for
    an unknown store or product, and with every short line when less than nothing would be available.
    """
    rows: list[StockRow] = []
    movements: list[Movement] = []
    lacking: list[ShortLine] = []
    for product_id, change in changes.items():
        row = books.stock.get((store_id, product_id))
        if row is None:
            raise Refused(unknown(books, store_id, product_id))
        after = _after(row, change)
        if after.available < 0 and demand is not None:
            asked = demand.get(product_id, 0)
            lacking.append(ShortLine(product_id, asked, asked + after.available))
            continue
        rows.append(after)
        movements.append(_movement(after, change, cause))
    if lacking:
        raise Refused(short(lacking))
    return Posted(tuple(rows), tuple(movements))


def _after(row: StockRow, change: Change) -> StockRow:
    # By position: this is the innermost loop of the ledger.
    return StockRow(
        row.store_id,
        row.product_id,
        row.on_hand + change.on_hand,
        row.unavailable + change.unavailable,
        row.allocated + change.allocated,
        row.reserved + change.reserved,
        row.incoming + change.incoming,
        row.version + 1,
    )


def recorded(row: StockRow, change: Change, cause: Cause) -> tuple[StockRow, Movement]:
    """Returns the row and a movement for a `change` that its counters have already: for repairs alone."""
    after = _after(row, Change())
    return after, _movement(after, change, cause)


def _movement(after: StockRow, change: Change, cause: Cause) -> Movement:
    return Movement(
        store_id=after.store_id,
        product_id=after.product_id,
        version=after.version,
        kind=cause.kind,
        reason=cause.reason,
        on_hand_change=change.on_hand,
        reserved_change=change.reserved,
        on_hand=after.on_hand,
        unavailable=after.unavailable,
        allocated=after.allocated,
        reserved=after.reserved,
        incoming=after.incoming,
        actor=cause.who.actor,
        terminal_id=cause.who.terminal_id,
        document_id=cause.document_id,
        command_id=cause.command_id,
        at=cause.at,
        unavailable_change=change.unavailable,
        allocated_change=change.allocated,
        incoming_change=change.incoming,
    )


def summed(lines: Iterable[Line | SaleLine]) -> dict[str, int]:
    """Returns the units per product over all lines. Raises Refused for an empty basket or a quantity out of range."""
    summed: dict[str, int] = {}
    for line in lines:
        if not 1 <= line.quantity <= MAX_QUANTITY:
            raise Refused(bad_quantity("quantity", f"must be from 1 to {MAX_QUANTITY}"))
        summed[line.product_id] = summed.get(line.product_id, 0) + line.quantity
    if not summed:
        raise Refused(Refusal(Code.EMPTY_BASKET, "There is no line; add at least one product.", field="lines"))
    return summed
