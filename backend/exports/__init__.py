"""Exports of a store's records, line by line."""
