"""The rule book: pure values and pure functions. No I/O, no clock, no database."""
