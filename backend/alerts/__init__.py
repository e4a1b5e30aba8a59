"""Alerts when a product runs out and when it has recovered."""
