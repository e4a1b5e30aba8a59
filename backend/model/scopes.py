"""The rights that a caller may have. A role or a key is a set of them; every route and every verb names one."""

from enum import StrEnum


class Scope(StrEnum):
    """One right, as `<what>:<read or write>`."""

    CATALOGUE_READ = "catalogue:read"
    CATALOGUE_WRITE = "catalogue:write"
    STOCK_READ = "stock:read"
    STOCK_WRITE = "stock:write"
    RESERVATIONS_WRITE = "reservations:write"
    RESERVATIONS_ELSEWHERE = "reservations:elsewhere"
    """To ask another store to hold units, for somebody in one's own. It gives no other right there."""
    SALES_READ = "sales:read"
    SALES_WRITE = "sales:write"
    SALES_SETTLE = "sales:settle"
    PRICES_OVERRIDE = "prices:override"
    STORES_WRITE = "stores:write"
    TRANSFERS_WRITE = "transfers:write"
    EVENTS_READ = "events:read"
    AUDIT_READ = "audit:read"
    USERS_WRITE = "users:write"
    TERMINALS_WRITE = "terminals:write"
    KEYS_WRITE = "keys:write"
    WEBHOOKS_WRITE = "webhooks:write"
    METRICS_READ = "metrics:read"
    """Guards nothing: metrics have a port of their own, without tokens. Old programs may go on asking for it."""
