"""How answers show allotments and their policies, and what requests say of them."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from backend.model.allotments import AllotmentPolicy, Beyond
from backend.model.commands import Reason

from .queries import KeptAllotment, StoredPolicy


class AllotmentsShape(Struct, frozen=True):
    """A page of what the terminals of a store keep, by product."""

    store_id: str
    allotments: list[KeptAllotment]


class ReclaimBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Why somebody takes back what a terminal keeps."""

    reason: Reason
    id: UUID | None = None


class ReclaimedShape(Struct, frozen=True):
    """An allotment that was reclaimed, and the units that are free by it."""

    allotment_id: UUID
    store_id: str
    product_id: str
    terminal_id: str
    quantity: int
    available: int
    """Of the product in the store, afterwards."""


class PolicyBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What terminals may keep of a product."""

    units: Annotated[int, Meta(ge=0, le=1_000_000)]
    minutes: Annotated[int, Meta(ge=1, le=30 * 24 * 60)] = 60
    beyond: Beyond = Beyond.SUPERVISOR


class PolicyShape(Struct, frozen=True):
    """The policy of a product in a store; of all products that have none of their own as `*`."""

    product_id: str
    units: int
    minutes: int
    beyond: Beyond

    @classmethod
    def of(cls, product_id: str, policy: AllotmentPolicy) -> "PolicyShape":
        """Returns `policy` as the wire shows it."""
        return cls(product_id, policy.units, policy.minutes, policy.beyond)


class PoliciesShape(Struct, frozen=True):
    """The policies of a store. `default` holds for every product that has none here."""

    store_id: str
    default: PolicyShape
    policies: list[PolicyShape]

    @classmethod
    def of(cls, store_id: str, default: PolicyShape, stored: list[StoredPolicy]) -> "PoliciesShape":
        """Returns the policies of a store as the wire shows them."""
        return cls(store_id, default, [PolicyShape.of(one.product_id, one.policy) for one in stored])
