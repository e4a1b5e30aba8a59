"""Seals: a chain of signed heads over the movements of each store and day, which shows a changed history."""
