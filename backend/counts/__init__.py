"""Counting while selling, and what went missing: routes, use cases, and how answers show them."""
