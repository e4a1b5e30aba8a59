"""Shortfalls: units that a terminal sold without a server and that were not there when the ledger was told."""
