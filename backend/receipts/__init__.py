"""The receipt numbers of a store: which are missing in the series of its terminals, and why."""
