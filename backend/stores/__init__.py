"""Stores: their routes and queries."""
