"""Tenders on the wire: what was paid with and what was given back, as JSON numbers."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from backend.http.money import cents
from backend.model.commands import Text
from backend.model.tenders import Tender, TenderKind

Money = Annotated[float, Meta(ge=0, le=1_000_000_000)]
"""An amount with at most two decimals."""
Paid = Annotated[float, Meta(ge=0.01, le=1_000_000_000)]
"""One that is not nothing."""


class TenderBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Some money. `given` is the cash that was handed over: what is more than `amount` is the change."""

    kind: TenderKind
    amount: Paid
    given: Money | None = None
    reference: Text = ""


class RefundBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Some money that is given back."""

    kind: TenderKind
    amount: Paid
    reference: Text = ""


TenderBodies = Annotated[tuple[TenderBody, ...], Meta(max_length=20)]
RefundBodies = Annotated[tuple[RefundBody, ...], Meta(max_length=20)]


class TenderShape(Struct, frozen=True, omit_defaults=True):
    """Some money that was paid, or given back; `change` is what the customer got back of the cash."""

    kind: TenderKind
    amount: float
    given: float | None = None
    change: float | None = None
    reference: str = ""

    @classmethod
    def of(cls, tender: Tender) -> "TenderShape":
        """Returns `tender` as the wire shows it."""
        if tender.given_cents is None:
            return cls(tender.kind, tender.amount_cents / 100, reference=tender.reference)
        given, change = tender.given_cents / 100, tender.change_cents / 100
        return cls(tender.kind, tender.amount_cents / 100, given, change, tender.reference)


def tenders_of(field: str, bodies: Sequence[TenderBody | RefundBody]) -> tuple[Tender, ...]:
    """Returns the tenders in cents. Raises InvalidBody for a fraction of a cent in `field`."""
    found = []
    for index, body in enumerate(bodies):
        amount, given = cents(f"{field}[{index}].amount", body.amount), None
        if isinstance(body, TenderBody) and body.given is not None:
            given = cents(f"{field}[{index}].given", body.given)
        found.append(Tender(body.kind, amount, given, body.reference))
    return tuple(found)
