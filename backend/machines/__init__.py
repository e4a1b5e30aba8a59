"""Callers that are no people: programs with a key of their own, and terminals."""
