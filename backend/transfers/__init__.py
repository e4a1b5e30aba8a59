"""Transfers of several steps and their discrepancy cases: routes, use cases, and how answers show them."""
