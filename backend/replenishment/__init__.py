"""Replenishment: what the stores should order, and from where."""
