"""Set stock: somebody says what is on hand, what the levels are, or both, perhaps as compare and set."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, structs

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import MAX_QUANTITY, Command, Count, ProductId, Text
from backend.model.posting import Cause, post
from backend.model.refusals import Refused, bad_quantity, moved_on, unknown
from backend.model.scopes import Scope
from backend.model.stock import Change, Levels, Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class LevelChanges(Struct, frozen=True, forbid_unknown_fields=True):
    """New levels of a product in a store, see `stock.Levels`; what is None stays as it is."""

    safety_stock: Count | None = None
    reorder_point: Count | None = None
    reorder_quantity: Count | None = None
    min_level: Count | None = None
    max_level: Count | None = None


class SetStock(Command, frozen=True, tag="set_stock"):
    """Say what is on hand, whatever was there before, or what the levels are, or both at once.

    With `expected_version` it is compare and set: only if the stock row is still at that version (0: never moved).
    """

    product_id: ProductId
    quantity: Count | None = None
    levels: LevelChanges | None = None
    expected_version: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    reason: Text = ""


def _rows(command: SetStock, _: Documents, rows: Rows) -> None:
    key = (command.store_id, command.product_id)
    rows.stock.add(key)
    if command.levels is not None:
        rows.levels.append(key)


def _decide(books: Books, command: SetStock, who: Who, now: datetime) -> Effect:
    """Returns a movement in any case, of no units perhaps: somebody looked, and the version speaks for the levels."""
    key = (command.store_id, command.product_id)
    row = books.stock.get(key)
    if row is None:
        raise Refused(unknown(books, *key))
    if command.expected_version not in (None, row.version):
        raise Refused(moved_on(row))
    quantity = row.on_hand if command.quantity is None else command.quantity
    if command.quantity is not None and not 0 <= quantity <= MAX_QUANTITY:
        raise Refused(bad_quantity("quantity", f"must be from 0 to {MAX_QUANTITY}"))
    levels = None
    if command.levels is not None:
        levels = _changed(books.levels.get(key) or Levels(*key), command.levels)
    units = quantity - row.on_hand
    changes, demand = {command.product_id: Change(on_hand=units)}, {command.product_id: -units}
    cause = Cause("set_stock", command.id, who, now, reason=command.reason)
    posted = post(books, command.store_id, changes, cause, demand)
    return Effect(Answer(command.id, stock=posted.rows, levels=levels, at=now), posted.movements)


def _changed(levels: Levels, changes: LevelChanges) -> Levels:
    given = {name: units for name, units in structs.asdict(changes).items() if units is not None}
    for name, units in given.items():
        if not 0 <= units <= MAX_QUANTITY:
            raise Refused(bad_quantity(name, f"must be from 0 to {MAX_QUANTITY}"))
    changed = structs.replace(levels, **given)
    if 0 < changed.max_level < changed.min_level:
        raise Refused(bad_quantity("max_level", f"must not be below the min_level of {changed.min_level}"))
    return changed


def _measure(command: SetStock, books: Books) -> Mapping[str, int]:
    row = books.stock.get((command.store_id, command.product_id))
    if command.quantity is None:
        return {}
    return {command.product_id: command.quantity - (row.on_hand if row else 0)}


VERB = Verb(
    command=SetStock,
    decide=_decide,
    rows=_rows,
    movements=(MovementKind("set_stock", {"on_hand": Sign.EITHER}, event="count"),),
    scope=Scope.STOCK_WRITE,
    measure=_measure,
)
