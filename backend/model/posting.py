"""Posting: a command's changes of a store's rows become the new rows and their movements, or a refusal.

Demand of one command is summed per product before it is compared, so two lines of the same product cannot pass the
check separately. A command is all or nothing; a refusal lists every short line.
"""

from collections.abc import Iterable
from datetime import datetime

from .answers import Answer, Code, Refusal, ShortLine
from .books import Books, Effect, Sale
from .commands import MAX_QUANTITY, Command, Line, SaleLine, kind_of
from .refusals import Refused, bad_quantity, short, unknown
from .reservations import Reservation
from .stock import Levels, Movement, StockRow, Who


def post(
    books: Books,
    command: Command,
    who: Who,
    now: datetime,
    changes: dict[str, tuple[int, int]],
    *,
    store_id: str = "",
    kind: str = "",
    demand: dict[str, int] | None = None,
    reason: str = "",
    document_id: str = "",
    reservation: Reservation | None = None,
    reservations: tuple[Reservation, ...] = (),
    sale: Sale | None = None,
    levels: Levels | None = None,
    at: datetime | None = None,
) -> Effect:
    """Apply `changes` (product → signed on hand, signed reserved) to the store's rows, or refuse with every short line.

    `demand` is what the sender asked of each product, for the refusal; its absence means nothing can fall short.
    `store_id` and `kind` are the command's own unless they are given.
    """
    store_id, kind = store_id or command.store_id, kind or kind_of(command)
    rows: list[StockRow] = []
    movements: list[Movement] = []
    lacking: list[ShortLine] = []
    for product_id, (on_hand_change, reserved_change) in changes.items():
        row = books.stock.get((store_id, product_id))
        if row is None:
            raise Refused(unknown(books, store_id, product_id))
        on_hand, reserved = row.on_hand + on_hand_change, row.reserved + reserved_change
        left = on_hand - row.unavailable - row.allocated - reserved
        if left < 0 and demand is not None:
            asked = demand.get(product_id, 0)
            lacking.append(ShortLine(product_id, asked, asked + left))
            continue
        version = row.version + 1
        rows.append(
            StockRow(
                store_id,
                product_id,
                on_hand,
                row.unavailable,
                row.allocated,
                reserved,
                row.incoming,
                version,
            )
        )
        movements.append(
            Movement(
                store_id,
                product_id,
                version,
                kind,
                reason,
                on_hand_change,
                reserved_change,
                on_hand,
                row.unavailable,
                row.allocated,
                reserved,
                row.incoming,
                who.actor,
                who.terminal_id,
                document_id,
                command.id,
                now,
            )
        )
    if lacking:
        raise Refused(short(lacking))
    answer = Answer(command.id, None, tuple(rows), reservation, sale.record if sale else None, levels, at)
    return Effect(answer, movements, reservations, sale)


def summed(lines: Iterable[Line | SaleLine]) -> dict[str, int]:
    """Units per product, over all lines. Refuses an empty basket and a quantity no line may have."""
    summed: dict[str, int] = {}
    for line in lines:
        if not 1 <= line.quantity <= MAX_QUANTITY:
            raise Refused(bad_quantity("quantity", f"must be from 1 to {MAX_QUANTITY}"))
        summed[line.product_id] = summed.get(line.product_id, 0) + line.quantity
    if not summed:
        raise Refused(Refusal(Code.EMPTY_BASKET, "There is no line; add at least one product.", field="lines"))
    return summed
