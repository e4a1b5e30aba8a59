"""Ask for approval: a command is put before a second person instead of taking effect."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType

from backend.model.answers import Answer, Code, Refusal
from backend.model.approvals import KIND, REQUESTED, Approval, Prices, PricesPer, unit_prices
from backend.model.books import Books, Effect
from backend.model.commands import Command, Reason
from backend.model.documents import DocumentKind, opened
from backend.model.limits import size_of
from backend.model.refusals import Refused
from backend.model.scopes import Scope
from backend.model.stock import Who
from backend.model.unit_price import UnitPrice

from .approving import approvable
from .verb import Documents, Rows, Verb


class ApprovalRequest(Command, frozen=True, tag="approval_request"):
    """Ask that a command be approved. It has the id and the store of this one.

    `price_cents` is what a unit of each of its products costs; the catalogue's prices are what is taken.
    """

    command: dict[str, Any]
    reason: Reason
    price_cents: Prices
    prices_per: PricesPer | UnsetType = UNSET
    """Units that a price is for, where that is more than one; left out of the JSON when unset."""

    @property
    def prices(self) -> dict[str, UnitPrice]:
        """What each of its products costs."""
        return unit_prices(self.price_cents, self.prices_per or {})


def _documents(command: ApprovalRequest) -> Iterable[UUID]:
    with suppress(Refused):  # which `decide` says
        inner, verb = approvable(command.command)
        return verb.documents(inner)
    return ()


def _rows(command: ApprovalRequest, documents: Documents, rows: Rows) -> None:
    with suppress(Refused):
        inner, verb = approvable(command.command)
        verb.rows(inner, documents, rows)


def _decide(books: Books, command: ApprovalRequest, who: Who, now: datetime) -> Effect:
    """Returns the new approval. What could not be done now is refused as it would be without approval."""
    inner, verb = approvable(command.command)
    if (inner.id, inner.store_id) != (command.id, command.store_id):
        message = "The command of an approval must have the approval's id and store."
        raise Refused(Refusal(Code.COMMAND_NOT_APPROVABLE, message, field="command"))
    verb.decide(books, verb.approved(inner, who.actor, command.reason), who, now)
    assert verb.measure is not None
    changes = verb.measure(inner, books)
    if missing := sorted(changes.keys() - command.price_cents.keys()):
        message = f"price_cents has no price of {missing[0]}; add the catalogue's."
        raise Refused(Refusal(Code.PRICE_NOT_ALLOWED, message, field="price_cents"))
    size = size_of(changes, command.prices)
    per = command.prices_per or {}
    values = (size.units, size.value_cents, command.price_cents)
    body = Approval(command.command, command.reason, *values, prices_per=per)
    asked = opened(command.id, command.store_id, KIND, REQUESTED, body, who, now, reference=verb.name)
    return Effect(Answer(command.id, at=now, documents=(asked,)))


VERB = Verb(
    command=ApprovalRequest,
    decide=_decide,
    rows=_rows,
    documents=_documents,
    scope=Scope.APPROVALS_REQUEST,
    opens=(DocumentKind(KIND, Approval),),
)
