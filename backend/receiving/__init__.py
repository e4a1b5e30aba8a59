"""Receiving: purchases, receipts and advance notices from files; routes, use cases, and how answers show them."""
