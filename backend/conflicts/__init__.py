"""Refused sales whose goods left the shop, and how they were settled."""
