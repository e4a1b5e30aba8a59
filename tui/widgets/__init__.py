"""Widgets of the terminal."""
