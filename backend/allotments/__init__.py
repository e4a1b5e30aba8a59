"""Allotments: what terminals keep for outages, policies, reclaiming."""
