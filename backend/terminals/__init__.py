"""Terminals (tills): routes, queries, enrolment, and what they report of themselves."""
