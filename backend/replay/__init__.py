"""Selling a file of real baskets again, through the HTTP API, as many terminals would at once."""
