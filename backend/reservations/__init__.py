"""Reservations (holds): routes, lists, queries, and the loop that ends them when they are due."""
