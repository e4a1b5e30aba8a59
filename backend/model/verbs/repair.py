"""Repair: a stock row that no longer agrees with its movements is corrected by movements, sent by `mostrador verify`.

Two steps, so that nothing is edited silently. A movement of kind `drift` takes into the history what had changed
without a movement: it leaves the counters as they are, and then their sum is what the counters say. One of kind
`repair` takes the counters to what is right: what the movements, the holds and the documents add up to.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, structs

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, ProductId, Reason
from backend.model.posting import Cause, post, recorded
from backend.model.refusals import Refused, bad_quantity, moved_on, unknown
from backend.model.stock import BALANCES, Change, Movement, StockRow, Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class Differences(Struct, frozen=True, forbid_unknown_fields=True):
    """Units with their sign for each balance."""

    on_hand: int = 0
    unavailable: int = 0
    allocated: int = 0
    reserved: int = 0
    incoming: int = 0

    def change(self) -> Change:
        """Returns them as the change of a movement."""
        return Change(*[getattr(self, name) for name in BALANCES])


class Repair(Command, frozen=True, tag="repair"):
    """Correct a stock row at `expected_version`. Sent by an admin at the database, never by a client."""

    product_id: ProductId
    expected_version: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    drifted: Differences
    """What the counters have more (or, below zero, less) than their movements add up to."""
    correction: Differences
    """What is to be added to the counters to make them right."""
    reason: Reason


def _rows(command: Repair, _: Documents, rows: Rows) -> None:
    rows.stock.add((command.store_id, command.product_id))


def _decide(books: Books, command: Repair, who: Who, now: datetime) -> Effect:
    key = (command.store_id, command.product_id)
    row = books.stock.get(key)
    if row is None:
        raise Refused(unknown(books, *key))
    if row.version != command.expected_version:
        raise Refused(moved_on(row))
    drifted, correction = command.drifted.change(), command.correction.change()
    if not any(drifted) and not any(correction):
        raise Refused(bad_quantity("correction", "changes nothing"))
    movements: list[Movement] = []
    cause = Cause("drift", command.id, who, now, reason=command.reason)
    if any(drifted):
        row, movement = recorded(row, drifted, cause)
        movements.append(movement)
    if any(correction):
        known = Books({key: row}, books.stores, {})
        posted = post(known, command.store_id, {command.product_id: correction}, cause._replace(kind="repair"))
        (row,), movements = posted.rows, [*movements, *posted.movements]
    _require_whole(row)
    return Effect(Answer(command.id, stock=(row,), at=now), movements)


def _require_whole(row: StockRow) -> None:
    numbers = structs.asdict(row) | {"available": row.available}
    below = [name for name in (*BALANCES, "available") if numbers[name] < 0]
    if below:
        raise Refused(bad_quantity("correction", f"would make {below[0]} {numbers[below[0]]}; restore a backup"))


_ANY = dict.fromkeys(BALANCES, Sign.EITHER)
VERB = Verb(
    command=Repair,
    decide=_decide,
    rows=_rows,
    movements=(MovementKind("drift", _ANY, event="movement"), MovementKind("repair", _ANY, event="movement")),
)
