"""Products: their routes, search and queries."""
