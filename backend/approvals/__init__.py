"""Corrections above a store's limits wait for a second person: requested, granted or refused."""
