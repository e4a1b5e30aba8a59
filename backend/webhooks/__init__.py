"""Webhooks: events posted to addresses that others have named, signed."""
