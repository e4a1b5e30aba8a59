"""Sales: routes and queries."""
