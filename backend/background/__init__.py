"""One way to run periodic work."""
