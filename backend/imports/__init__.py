"""A shop's data as CSV files: brought in with every row checked, and written out so that it comes in again the same."""
