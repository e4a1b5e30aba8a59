"""Holds at another store: asking for them, what that store says, and the shelves that are to be counted for it."""
