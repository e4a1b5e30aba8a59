"""Periodic work that belongs to no capability: deleting what is old, watching the backlog for the metrics."""
