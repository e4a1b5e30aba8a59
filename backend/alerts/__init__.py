"""Alerts: when a product runs out and when it has recovered, and what somebody should look at in a store."""
