"""Adjust: what is on hand is corrected by some units, for a reason."""

from datetime import datetime

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import MAX_QUANTITY, Command, ProductId, Reason
from backend.model.commands import Change as Units
from backend.model.posting import Cause, post
from backend.model.refusals import Refused, bad_quantity
from backend.model.scopes import Scope
from backend.model.stock import Change, Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class Adjust(Command, frozen=True, tag="adjust"):
    """Correct what is on hand by a signed number of units; those that are held or promised cannot be taken away."""

    product_id: ProductId
    adjustment: Units
    reason: Reason


def _rows(command: Adjust, _: Documents, rows: Rows) -> None:
    rows.stock.add((command.store_id, command.product_id))


def _decide(books: Books, command: Adjust, who: Who, now: datetime) -> Effect:
    if command.adjustment == 0 or abs(command.adjustment) > MAX_QUANTITY:
        raise Refused(bad_quantity("adjustment", f"must be from -{MAX_QUANTITY} to {MAX_QUANTITY} and not 0"))
    changes = {command.product_id: Change(on_hand=command.adjustment)}
    demand = {command.product_id: -command.adjustment}
    posted = post(
        books, command.store_id, changes, Cause("adjust", command.id, who, now, reason=command.reason), demand
    )
    return Effect(Answer(command.id, stock=posted.rows, at=now), posted.movements)


VERB = Verb(
    command=Adjust,
    decide=_decide,
    rows=_rows,
    movements=(MovementKind("adjust", {"on_hand": Sign.EITHER}, event="count"),),
    scope=Scope.STOCK_WRITE,
)
