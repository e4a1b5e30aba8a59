"""What a role may do, as scopes, and the errors of somebody who may not."""

from backend.model.errors import MostradorError
from backend.model.scopes import Scope

EVERY_STORE = "*"
"""Instead of store ids: all of them, also those founded later."""


_CLERK = frozenset(
    {
        Scope.CATALOGUE_READ,
        Scope.STOCK_READ,
        Scope.RESERVATIONS_WRITE,
        Scope.RESERVATIONS_ELSEWHERE,
        Scope.COUNTS_WRITE,
        Scope.SALES_READ,
        Scope.SALES_WRITE,
        Scope.RETURNS_WRITE,
        Scope.SHIFTS_WRITE,
        Scope.EVENTS_READ,
        Scope.APPROVALS_REQUEST,
        Scope.ORDERS_WRITE,
    }
)
_SUPERVISOR = _CLERK | {
    Scope.RETURNS_APPROVE,
    Scope.SALES_SETTLE,
    Scope.STOCK_WRITE,
    Scope.COUNTS_APPROVE,
    Scope.TRANSFERS_WRITE,
    Scope.AUDIT_READ,
    Scope.ALERTS_WRITE,
    Scope.TERMINALS_WRITE,
    Scope.PRICES_OVERRIDE,
    Scope.APPROVALS_WRITE,
    Scope.ALLOTMENTS_RECLAIM,
}
TERMINAL = frozenset({Scope.CATALOGUE_READ, Scope.STOCK_READ, Scope.EVENTS_READ})
"""What a terminal may do with nobody signed in: look. What changes anything, a person does."""
ROLES = {"clerk": _CLERK, "supervisor": _SUPERVISOR, "admin": frozenset(Scope)}


class TokenRefused(MostradorError):
    """The token is missing, forged, expired or meant for something else."""

    code = "token_refused"


class TerminalRemoved(TokenRefused):
    """The terminal that was signed in at, or whose key was shown, is not one of the fleet any more."""

    code = "terminal_removed"

    def __init__(self) -> None:
        super().__init__("This terminal was removed; ask a supervisor for a code and enrol it again.")


class ScopeMissing(MostradorError):
    """The role does not allow this."""

    code = "scope_missing"


class StoreNotAllowed(MostradorError):
    """The person does not work in that store."""

    code = "store_not_allowed"

    def __init__(self, store_id: str) -> None:
        super().__init__(f"You may not act in store {store_id}; sign in with a user of that store.", store_id=store_id)
