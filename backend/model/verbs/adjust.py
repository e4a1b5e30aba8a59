"""Adjust: what is on hand is corrected by some units, for a reason."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import UNSET, UnsetType

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import MAX_QUANTITY, Command, ProductId, Reason, Text
from backend.model.commands import Change as Units
from backend.model.posting import Cause, post
from backend.model.reasons import ReasonCode, require_reason, told
from backend.model.refusals import Refused, bad_quantity
from backend.model.scopes import Scope
from backend.model.stock import Change, Who

from .verb import Documents, MovementKind, Rows, Sign, Verb


class Adjust(Command, frozen=True, tag="adjust"):
    """Correct what is on hand by a signed number of units; those that are held or promised cannot be taken away.

    `reason_code` is the reason as reports count it, `document_id` names the paper behind it. Both are left out of the
    JSON when unset: a fingerprint, and a server of an older release, know the command without them.
    """

    product_id: ProductId
    adjustment: Units
    reason: Reason
    reason_code: ReasonCode | UnsetType = UNSET
    document_id: Text | UnsetType = UNSET


def _rows(command: Adjust, _: Documents, rows: Rows) -> None:
    rows.stock.add((command.store_id, command.product_id))


def _decide(books: Books, command: Adjust, who: Who, now: datetime) -> Effect:
    if command.adjustment == 0 or abs(command.adjustment) > MAX_QUANTITY:
        raise Refused(bad_quantity("adjustment", f"must be from -{MAX_QUANTITY} to {MAX_QUANTITY} and not 0"))
    if command.reason_code:
        require_reason(command.reason_code, "adds" if command.adjustment > 0 else "removes")
    changes = {command.product_id: Change(on_hand=command.adjustment)}
    demand = {command.product_id: -command.adjustment}
    reason = told(command.reason_code, command.reason)
    cause = Cause("adjust", command.id, who, now, command.document_id or "", reason)
    posted = post(books, command.store_id, changes, cause, demand)
    return Effect(Answer(command.id, stock=posted.rows, at=now), posted.movements)


def _measure(command: Adjust, _: Books) -> Mapping[str, int]:
    return {command.product_id: command.adjustment}


VERB = Verb(
    command=Adjust,
    decide=_decide,
    rows=_rows,
    movements=(MovementKind("adjust", {"on_hand": Sign.EITHER}, event="count"),),
    scope=Scope.STOCK_WRITE,
    measure=_measure,
)
