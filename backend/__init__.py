"""Mostrador's core: the rule book, the ledger, the servers and the terminal's sync. Nothing here draws a screen."""
