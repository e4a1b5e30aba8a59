"""A supervisor approves what somebody else does at a terminal: with name and PIN, without a session of their own."""

from typing import Annotated

from msgspec import Meta, Struct, structs

from backend.http.request import ApiRequest
from backend.model.errors import MostradorError
from backend.model.scopes import Scope

from .door import Door


class SpotApproval(Struct, frozen=True, forbid_unknown_fields=True):
    """A supervisor who stands beside the terminal, and their PIN."""

    user: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]
    pin: Annotated[str, Meta(min_length=1, max_length=128)]


class ActNeedsApproval(MostradorError):
    """The caller may not do this alone."""

    code = "approval_needed"

    def __init__(self, scope: Scope) -> None:
        message = (
            f"Somebody with the right {scope} has to approve this; send their name and PIN as approval, or ask for it."
        )
        super().__init__(message, field="approval", scope=scope.value)


APPROVED = ("approval_needed", "sign_in_refused", "sign_in_locked")
"""For `problems=`: what an act that is to be approved may answer."""


async def approver_of(
    request: ApiRequest, door: Door, store_id: str, scope: Scope, approval: SpotApproval | None
) -> str:
    """Returns who approves an act in a store: whoever `approval` names, else the caller, if they may themselves.

    Raises StoreNotAllowed, ActNeedsApproval, and what `Door.approve` raises.
    """
    request.auth.require_store(store_id)
    if approval is not None:
        who = structs.replace(request.origin(), actor=approval.user)
        await door.approve(who, approval.pin, store_id, scope)
        return approval.user
    if scope not in request.auth.scopes:
        raise ActNeedsApproval(scope)
    return request.auth.actor
