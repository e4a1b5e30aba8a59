"""API keys: routes, verification and queries."""
