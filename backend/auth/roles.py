"""What a role may do, as scopes, and the errors of somebody who may not."""

from enum import StrEnum

from backend.model.errors import MostradorError

EVERY_STORE = "*"
"""Instead of store ids: all of them, also those founded later."""


class Scope(StrEnum):
    """What a route asks of its caller."""

    CATALOGUE_READ = "catalogue:read"
    CATALOGUE_WRITE = "catalogue:write"
    STOCK_READ = "stock:read"
    STOCK_WRITE = "stock:write"
    RESERVATIONS_WRITE = "reservations:write"
    SALES_READ = "sales:read"
    SALES_WRITE = "sales:write"
    SALES_SETTLE = "sales:settle"
    STORES_WRITE = "stores:write"
    TRANSFERS_WRITE = "transfers:write"
    EVENTS_READ = "events:read"
    AUDIT_READ = "audit:read"
    USERS_WRITE = "users:write"
    TERMINALS_WRITE = "terminals:write"
    KEYS_WRITE = "keys:write"
    WEBHOOKS_WRITE = "webhooks:write"
    METRICS_READ = "metrics:read"


_CLERK = frozenset(
    {
        Scope.CATALOGUE_READ,
        Scope.STOCK_READ,
        Scope.RESERVATIONS_WRITE,
        Scope.SALES_READ,
        Scope.SALES_WRITE,
        Scope.EVENTS_READ,
    }
)
_SUPERVISOR = _CLERK | {
    Scope.SALES_SETTLE,
    Scope.STOCK_WRITE,
    Scope.TRANSFERS_WRITE,
    Scope.AUDIT_READ,
    Scope.TERMINALS_WRITE,
}
TERMINAL = frozenset({Scope.CATALOGUE_READ, Scope.STOCK_READ, Scope.EVENTS_READ})
"""What a terminal may do with nobody signed in: look. What changes anything, a person does."""
ROLES = {"clerk": _CLERK, "supervisor": _SUPERVISOR, "admin": frozenset(Scope)}


class TokenRefused(MostradorError):
    """The token is missing, forged, expired or meant for something else."""

    code = "token_refused"


class ScopeMissing(MostradorError):
    """The role does not allow this."""

    code = "scope_missing"


class StoreNotAllowed(MostradorError):
    """The person does not work in that store."""

    code = "store_not_allowed"

    def __init__(self, store_id: str) -> None:
        super().__init__(f"You may not act in store {store_id}; sign in with a user of that store.", store_id=store_id)
