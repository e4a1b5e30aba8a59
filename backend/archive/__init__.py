"""Moves old months of movements into files, and proves those files."""
