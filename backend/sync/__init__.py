"""Copies of the catalogue and of a store's stock that terminals keep, and how they stay equal to the database."""
