"""Selling: what has to be right about a sale before the ledger is asked."""
