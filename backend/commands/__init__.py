"""The batch route: many ledger commands in one request."""
