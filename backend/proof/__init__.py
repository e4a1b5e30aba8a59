"""Proves that every balance is the sum of its movements: all at once, or slice by slice in the background."""
