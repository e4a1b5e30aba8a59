"""Shifts: who was at which drawer, and whether its cash was right."""
