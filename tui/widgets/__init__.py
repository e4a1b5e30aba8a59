"""Widgets of the counter."""
